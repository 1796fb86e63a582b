// APIServices (kube-aggregator registry/apiservice, apis/apiregistration/validation).
import { type apiregistrationv1, timeText } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { decodedLength, isDns1035Label, isDns1123Subdomain, isPort, nameIsPathSegment } from '../rules/formats.ts';

type ApiService = apiregistrationv1.APIService;
const GROUP_PRIORITY_MAX = 20_000;
const VERSION_PRIORITY_MAX = 1000;

function validate({ metadata, spec }: ApiService): Errors {
  const errors: Errors = [];
  const {
    group = '',
    version = '',
    groupPriorityMinimum: groupPriority = 0,
    versionPriority = 0,
    service,
  } = spec ?? ({} as apiregistrationv1.APIServiceSpec);
  const wanted = `${version}.${group}`;
  const mustBeWanted = (field: string, name: string) => {
    if (name === wanted || nameIsPathSegment(name, false).length > 0) return;
    errors.push(fieldError.invalid(field, name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`));
  };
  if (metadata?.name) mustBeWanted('metadata.name', metadata.name);
  // The same rule judges what a name would be generated from.
  if (metadata?.generateName) mustBeWanted('metadata.generateName', metadata.generateName);
  if (group) complain(errors, 'spec.group', group, isDns1123Subdomain(group));
  else if (version !== 'v1' && !group)
    errors.push(fieldError.required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  complain(errors, 'spec.version', version, isDns1035Label(version));
  if (groupPriority <= 0 || groupPriority > GROUP_PRIORITY_MAX) {
    errors.push(fieldError.invalid('spec.groupPriorityMinimum', groupPriority, 'must be positive and less than 20000'));
  }
  if (versionPriority <= 0 || versionPriority > VERSION_PRIORITY_MAX) {
    errors.push(fieldError.invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  }
  if (!service) {
    if (spec?.caBundle)
      errors.push(
        fieldError.invalid('spec.caBundle', `${decodedLength(spec.caBundle)} bytes`, 'local APIServices may not have a caBundle'),
      );
    if (spec?.insecureSkipTLSVerify)
      errors.push(fieldError.invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  if (!service.namespace) errors.push(fieldError.required('spec.service.namespace'));
  if (!service.name) errors.push(fieldError.required('spec.service.name'));
  const port = service.port ?? 443;
  if (isPort(port).length) errors.push(fieldError.invalid('spec.service.port', port, `port is not valid: ${isPort(port).join(',')}`));
  if (spec?.insecureSkipTLSVerify && spec.caBundle) {
    errors.push(fieldError.invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  }
  return errors;
}

function available({ status }: ApiService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}

const STATES = ['True', 'False', 'Unknown'];

export const apiServices = defineBuiltIn<ApiService>('apiregistration.k8s.io', 'v1', 'apiservices', {
  validateName: nameIsPathSegment,
  prepareForCreate(object, { runtime }) {
    object.status = {};
    // Served by this very server: there is nothing to wait for.
    if (!object.spec?.service) {
      object.status.conditions = [
        {
          type: 'Available',
          status: 'True',
          lastTransitionTime: timeText(runtime.clock.now()),
          reason: 'Local',
          message: 'Local APIServices are always available',
        },
      ];
    }
  },
  validateCreate: validate,
  validateUpdate: validate,
  status: {
    validateUpdate({ status }) {
      const errors: Errors = [];
      status?.conditions?.forEach((condition, i) => {
        if (STATES.includes(condition.status ?? '')) return;
        errors.push(fieldError.notSupported(`status.conditions[${i}].status`, condition.status ?? '', STATES));
      });
      return errors;
    },
  },
  columns: withNameAndAge<ApiService>(
    text('Service', ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local')),
    text('Available', available),
  ),
});
