// Rules for spec.conversion of custom resource definitions (apiextensions apis/apiextensions/validation).
import { type FieldError, fieldError } from '@tiphys/machinery';
import { authorityBundleFault, checkWebhookClient, isDns1035Label } from '@tiphys/registry';
import { type Definition, isTrue } from './conditions.ts';

const REVIEW_VERSIONS = ['v1', 'v1beta1'];

function reviewVersionErrors(versions: readonly string[] | undefined, at: string): FieldError[] {
  if (!versions?.length) return [fieldError.required(at)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, version] of versions.entries()) {
    if (seen.has(version)) errors.push(fieldError.invalid(`${at}[${i}]`, version, 'duplicate version'));
    else for (const why of isDns1035Label(version)) errors.push(fieldError.invalid(`${at}[${i}]`, version, why));
    seen.add(version);
  }
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    errors.push(fieldError.invalid(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  }
  return errors;
}

/** Whether the certificates that the conversion webhook is believed by can be read. */
export const hasBadAuthority = ({ spec: { conversion } }: Definition): boolean =>
  conversion?.strategy === 'Webhook' && authorityBundleFault(conversion?.webhook?.clientConfig?.caBundle) !== undefined;

/** Once a definition is established, they stay readable; what can't be read before may be changed at will. */
function authorityErrors(client: string, bundle: string | undefined, old: Definition | undefined): FieldError[] {
  if (!old || !isTrue(old, 'Established') || hasBadAuthority(old)) return [];
  const fault = authorityBundleFault(bundle);
  return fault === undefined ? [] : [fieldError.invalid(`${client}.caBundle`, bundle, fault)];
}

/** Upstream names the fields of its internal type. */
export function validateConversion({ spec: { conversion } }: Definition, old?: Definition): FieldError[] {
  if (!conversion) return [];
  const { strategy, webhook } = conversion;
  const client = 'spec.conversion.webhookClientConfig';
  const versions = 'spec.conversion.conversionReviewVersions';
  const errors: FieldError[] = [];
  if (!strategy) errors.push(fieldError.required('spec.conversion.strategy'));
  else if (strategy !== 'None' && strategy !== 'Webhook') {
    errors.push(fieldError.notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook']));
  }
  if (strategy === 'Webhook') {
    if (!webhook?.clientConfig) errors.push(fieldError.required(client, 'required when strategy is set to Webhook'));
    else {
      checkWebhookClient(errors, client, webhook.clientConfig);
      errors.push(...authorityErrors(client, webhook.clientConfig.caBundle, old));
    }
    return [...errors, ...reviewVersionErrors(webhook?.conversionReviewVersions, versions)];
  }
  const unwanted = 'should not be set when strategy is not set to Webhook';
  if (webhook?.clientConfig) errors.push(fieldError.forbidden(client, unwanted));
  if (webhook?.conversionReviewVersions?.length) errors.push(fieldError.forbidden(versions, unwanted));
  return errors;
}
