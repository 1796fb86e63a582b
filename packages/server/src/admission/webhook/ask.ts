// Asks one webhook about a request (apiserver admission/plugin/webhook/{mutating,validating}/dispatcher.go).
import type { KubeObject } from '@tiphys/api';
import { type StatusError, statusError } from '@tiphys/machinery';
import type { Random } from '@tiphys/runtime';
import type { AdmissionAttributes, Authorizer } from '../../interfaces.ts';
import type { WebhookCaller } from './call.ts';
import type { Invocation } from './hooks.ts';
import { denial, type ReviewResponse, reviewRequest, reviewResponse, reviewVersion } from './review.ts';

const TIMEOUT_SECONDS_DEFAULT = 10;

export interface WebhookOptions {
  caller: WebhookCaller;
  random: Random;
  /** Whom match conditions may ask. */
  authorizer?: Authorizer;
}

/** What a webhook is shown: the request's objects in the form that its rules name. */
export type Shown = Pick<AdmissionAttributes, 'type' | 'object' | 'oldObject'>;

/** The webhook could not be asked, or its answer makes no sense: its failure policy decides what that means. */
export class CallFailure extends Error {}

export async function shownTo({ equivalent }: Invocation, attributes: AdmissionAttributes): Promise<Shown> {
  if (!equivalent) return attributes;
  const convert = async (object: KubeObject | undefined) => (object ? await equivalent.convert(object) : undefined);
  const [object, oldObject] = await Promise.all([convert(attributes.object), convert(attributes.oldObject)]);
  return { type: equivalent.type, ...(object ? { object } : {}), ...(oldObject ? { oldObject } : {}) };
}

function checkDryRun({ named: { hook } }: Invocation, dryRun: boolean): void {
  if (!dryRun || hook.sideEffects === 'None' || hook.sideEffects === 'NoneOnDryRun') return;
  throw statusError.badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
}

/** Throws CallFailure, or StatusError with the webhook's refusal. */
export async function ask(
  { caller, random }: WebhookOptions,
  invocation: Invocation,
  attributes: AdmissionAttributes,
  shown: Shown,
  mutating: boolean,
): Promise<ReviewResponse> {
  const { hook } = invocation.named;
  checkDryRun(invocation, attributes.dryRun);
  const uid = random.uuid();
  const failing = (what: string) => (error: unknown) => {
    throw new CallFailure(`${what}: ${(error as Error).message}`, { cause: error });
  };
  const attempt = <T>(what: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      return failing(what)(error);
    }
  };
  const version = attempt('could not create admission objects', () => reviewVersion(hook.admissionReviewVersions));
  const review = reviewRequest(attributes, uid, version, shown);
  const timeoutSeconds = hook.timeoutSeconds ?? TIMEOUT_SECONDS_DEFAULT;
  const answer = await caller.call(hook.clientConfig, review, timeoutSeconds, attributes.reader).catch(failing('failed to call webhook'));
  const response = attempt('received invalid webhook response', () => reviewResponse(answer, uid, mutating, version));
  for (const [key, value] of Object.entries(response.auditAnnotations)) attributes.annotate?.(`${hook.name}/${key}`, value);
  for (const warning of response.warnings) attributes.warn(warning);
  if (!response.allowed) throw denial(hook.name, response.status);
  return response;
}

/** What the caller of the API hears when the policy is to fail. */
export const failedCall = (hookName: string, error: CallFailure): StatusError =>
  statusError.internal(`failed calling webhook ${JSON.stringify(hookName)}: ${error.message}`, error);
