// Validating admission webhooks, asked side by side (apiserver admission/plugin/webhook/validating/dispatcher.go).
import type { AdmissionAttributes, AdmissionPlugin } from '../../interfaces.ts';
import { ask, CallFailure, failedCall, shownTo, type WebhookOptions } from './ask.ts';
import { conditionsHold } from './conditions.ts';
import { hooksOf, type Invocation, invocationOf, isExempt, type NamedHook } from './hooks.ts';

const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';

export function validatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const hooks = hooksOf('validating');
  const one = async (invocation: Invocation, attributes: AdmissionAttributes, index: number): Promise<void> => {
    const { hook } = invocation.named;
    try {
      const shown = await shownTo(invocation, attributes);
      if (!(await conditionsHold(hook, attributes, shown, options.authorizer))) return;
      await ask(options, invocation, attributes, shown, false);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (hook.failurePolicy !== 'Ignore') throw failedCall(hook.name, error);
      attributes.annotate?.(`${FAILED_OPEN}round_0_index_${index}`, hook.name);
    }
  };
  const askAll = async (all: readonly NamedHook[], attributes: AdmissionAttributes): Promise<void> => {
    const invocations = all.map((named) => invocationOf(named, attributes)).filter((each) => each !== undefined);
    const results = await Promise.allSettled(invocations.map((each, i) => one(each, attributes, i)));
    // The first refusal in their order is told.
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };
  return {
    name: 'ValidatingAdmissionWebhook',
    validate(attributes) {
      const all = hooks(attributes.reader);
      return all.length === 0 || isExempt(attributes) ? undefined : askAll(all, attributes);
    },
  };
}
