// Mutating and validating admission webhooks (apiserver admission/plugin/webhook/{mutating,validating}).
import { applyDefaults, normalize, typeNameOfKind } from '@tiphys/api';
import { applyJsonPatch, jsonEqual, type StatusError, statusError } from '@tiphys/machinery';
import type { Random } from '@tiphys/runtime';
import type { AdmissionAttributes, AdmissionPlugin } from '../../interfaces.ts';
import type { WebhookCaller } from './call.ts';
import { hooksOf, isExempt, isInterested, type NamedHook } from './hooks.ts';
import { denial, type ReviewResponse, reviewRequest, reviewResponse } from './review.ts';

const TIMEOUT_SECONDS_DEFAULT = 10;

export interface WebhookOptions {
  caller: WebhookCaller;
  random: Random;
}

/** undefined: the webhook failed and its policy says to go on without it. */
type Ask = (named: NamedHook, attributes: AdmissionAttributes, mutating: boolean) => Promise<ReviewResponse | undefined>;

function asker({ caller, random }: WebhookOptions): Ask {
  return async ({ hook }, attributes, mutating) => {
    if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun') {
      throw statusError.badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
    }
    const uid = random.uuid();
    try {
      const timeoutSeconds = hook.timeoutSeconds ?? TIMEOUT_SECONDS_DEFAULT;
      const answer = await caller
        .call(hook.clientConfig, reviewRequest(attributes, uid), timeoutSeconds, attributes.reader)
        .catch((error) => {
          throw new Error(`failed to call webhook: ${(error as Error).message}`, { cause: error });
        });
      const response = reviewResponse(answer, uid, mutating);
      for (const warning of response.warnings) attributes.warn(warning);
      return response;
    } catch (error) {
      if (hook.failurePolicy === 'Ignore') return undefined;
      throw callFailure(hook.name, error);
    }
  };
}

const callFailure = (name: string, error: unknown): StatusError =>
  statusError.internal(`failed calling webhook ${JSON.stringify(name)}: ${(error as Error).message}`, error);

export function validatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const ask = asker(options);
  const hooks = hooksOf('validating');
  return {
    name: 'ValidatingAdmissionWebhook',
    async validate(attributes) {
      const all = hooks(attributes.reader);
      if (all.length === 0 || isExempt(attributes)) return;
      const interested = all.filter((each) => isInterested(each, attributes));
      // Asked side by side; the first refusal in their order is told.
      const results = await Promise.allSettled(
        interested.map(async (named) => {
          const response = await ask(named, attributes, false);
          if (response && !response.allowed) throw denial(named.hook.name, response.status);
        }),
      );
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
}

/** `earlier`: the plugins before this one, which look again at what webhooks have changed. */
export function mutatingWebhooks(options: WebhookOptions, earlier: readonly AdmissionPlugin[]): AdmissionPlugin {
  const ask = asker(options);
  const hooks = hooksOf('mutating');
  /** True when the object was changed. */
  const invoke = async (named: NamedHook, attributes: AdmissionAttributes): Promise<boolean> => {
    const response = await ask(named, attributes, true);
    if (!response) return false;
    if (!response.allowed) throw denial(named.hook.name, response.status);
    if (response.patch === undefined || !attributes.object) return false;
    try {
      return patchObject(attributes, response.patch);
    } catch (error) {
      if (named.hook.failurePolicy === 'Ignore') return false;
      throw callFailure(named.hook.name, error);
    }
  };
  return {
    name: 'MutatingAdmissionWebhook',
    async admit(attributes) {
      const all = hooks(attributes.reader);
      if (all.length === 0 || isExempt(attributes)) return;
      const seen = new Map<NamedHook, object | undefined>();
      let changed = false;
      for (const named of all) {
        if (!isInterested(named, attributes)) continue;
        changed = (await invoke(named, attributes)) || changed;
        seen.set(named, structuredClone(attributes.object));
      }
      if (!changed) return;
      for (const plugin of earlier) await plugin.admit?.(attributes);
      for (const [named, left] of seen) {
        const again =
          named.hook.reinvocationPolicy === 'IfNeeded' && !jsonEqual(left, attributes.object) && isInterested(named, attributes);
        if (again) await invoke(named, attributes);
      }
    },
  };
}

/** Puts the patched content into the same object, defaulted anew as a request's would be. */
function patchObject(attributes: AdmissionAttributes, patch: unknown): boolean {
  const object = attributes.object as Record<string, unknown>;
  const patched = applyJsonPatch(structuredClone(object), patch) as Record<string, unknown>;
  if (jsonEqual(object, patched)) return false;
  const [version = '', group = ''] = String(patched.apiVersion ?? '')
    .split('/')
    .reverse();
  const schema = typeNameOfKind(group, version, String(patched.kind));
  const finished = schema ? (applyDefaults(normalize(patched, { schema }).object, schema) as Record<string, unknown>) : patched;
  for (const key of Object.keys(object)) delete object[key];
  Object.assign(object, finished);
  return true;
}
