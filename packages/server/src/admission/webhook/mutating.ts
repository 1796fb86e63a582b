// Mutating admission webhooks, one after another and some of them twice
// (apiserver admission/plugin/webhook/mutating/{dispatcher,reinvocationcontext}.go).
import type { KubeObject } from '@tiphys/api';
import { applyJsonPatch, jsonEqual, statusError } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin } from '../../interfaces.ts';
import { ask, CallFailure, failedCall, shownTo, type WebhookOptions } from './ask.ts';
import { conditionsHold } from './conditions.ts';
import { hooksOf, type Invocation, invocationOf, isExempt, type NamedHook } from './hooks.ts';
import { JSON_PATCH, type ReviewResponse } from './review.ts';

const MUTATION = 'mutation.webhook.admission.k8s.io/';
const PATCH = 'patch.webhook.admission.k8s.io/';

/** Which webhooks are to be asked again. */
class Reinvocation {
  /** Asked already, and want to be asked again when the object changes. */
  readonly #asked = new Set<string>();
  readonly again = new Set<string>();

  add(key: string): void {
    this.#asked.add(key);
  }

  /** Somebody changed the object after them. */
  changed(): void {
    for (const key of this.#asked) this.again.add(key);
    this.#asked.clear();
  }
}

function decodedPatch({ patch, patchType }: ReviewResponse): object[] {
  if (patch === undefined) return [];
  if (patchType !== JSON_PATCH) throw new CallFailure(`unsupported patch type ${JSON.stringify(patchType)}`);
  try {
    return JSON.parse(Buffer.from(patch, 'base64').toString()) ?? [];
  } catch (error) {
    throw new CallFailure(`received undecodable patch in webhook response: ${(error as Error).message}`, { cause: error });
  }
}

/** Puts the new content into the object that the request's other stages hold. */
function replaceContent(object: KubeObject, content: KubeObject): void {
  const plain = object as Record<string, unknown>;
  for (const key of Object.keys(plain)) delete plain[key];
  Object.assign(plain, content);
}

/** True when the object was changed. */
async function invoke(options: WebhookOptions, invocation: Invocation, attributes: AdmissionAttributes, place: string): Promise<boolean> {
  const { named, equivalent } = invocation;
  const { hook, configuration } = named;
  const shown = await shownTo(invocation, attributes);
  if (!(await conditionsHold(hook, attributes, shown, options.authorizer))) return false;
  const patch = decodedPatch(await ask(options, invocation, attributes, shown, true));
  if (patch.length === 0) return false;
  if (!shown.object) {
    throw statusError.internal(
      `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`,
    );
  }
  let patched: KubeObject;
  try {
    patched = applyJsonPatch(structuredClone(shown.object), patch) as KubeObject;
  } catch (error) {
    throw statusError.internal((error as Error).message, error);
  }
  attributes.annotate?.(PATCH + place, JSON.stringify({ configuration, webhook: hook.name, patch, patchType: JSON_PATCH }), 'Request');
  const restored = equivalent ? await equivalent.restore(patched) : patched;
  const complete = attributes.complete?.(restored) ?? restored;
  if (jsonEqual(attributes.object, complete)) return false;
  replaceContent(attributes.object!, complete);
  return true;
}

/** The same under the webhook's failure policy. */
async function invokeBounded(
  options: WebhookOptions,
  invocation: Invocation,
  attributes: AdmissionAttributes,
  place: string,
): Promise<boolean> {
  const { hook, configuration } = invocation.named;
  let mutated = false;
  try {
    mutated = await invoke(options, invocation, attributes, place);
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (hook.failurePolicy !== 'Ignore') throw failedCall(hook.name, error);
    attributes.annotate?.(`failed-open.${MUTATION}${place}`, hook.name);
  } finally {
    attributes.annotate?.(MUTATION + place, JSON.stringify({ configuration, webhook: hook.name, mutated }));
  }
  return mutated;
}

/** `earlier`: the plugins before this one, which look again at what webhooks have changed. */
export function mutatingWebhooks(options: WebhookOptions, earlier: readonly AdmissionPlugin[]): AdmissionPlugin {
  const hooks = hooksOf('mutating');
  const round = async (number: number, all: readonly NamedHook[], attributes: AdmissionAttributes, reinvocation: Reinvocation) => {
    let changed = false;
    for (const [i, named] of all.entries()) {
      const invocation = invocationOf(named, attributes);
      if (!invocation || (number > 0 && !reinvocation.again.has(named.key))) continue;
      if (await invokeBounded(options, invocation, attributes, `round_${number}_index_${i}`)) {
        changed = true;
        reinvocation.changed();
      }
      if (named.hook.reinvocationPolicy === 'IfNeeded') reinvocation.add(named.key);
    }
    return changed;
  };
  const rounds = async (all: readonly NamedHook[], attributes: AdmissionAttributes): Promise<void> => {
    const reinvocation = new Reinvocation();
    if (!(await round(0, all, attributes, reinvocation))) return;
    const left = structuredClone(attributes.object);
    for (const plugin of earlier) await plugin.admit?.(attributes);
    if (!jsonEqual(left, attributes.object)) reinvocation.changed();
    await round(1, all, attributes, reinvocation);
  };
  return {
    name: 'MutatingAdmissionWebhook',
    admit(attributes) {
      const all = hooks(attributes.reader);
      return all.length === 0 || isExempt(attributes) ? undefined : rounds(all, attributes);
    },
  };
}
