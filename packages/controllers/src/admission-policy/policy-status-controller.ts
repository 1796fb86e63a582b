// Says in a ValidatingAdmissionPolicy's status which of its expressions do not fit the types they are about
// (pkg/controller/validatingadmissionpolicystatus).
import { admissionregistrationv1, apiextensionsv1, builtInResources, schemaTable, typeNameOfKind } from '@tiphys/api';
import { cel, type JsonSchema } from '@tiphys/machinery';
import { updateStatus } from '../runtime/actions.ts';
import { defineController, type Snapshot } from '../runtime/controller.ts';

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy;
type Definition = apiextensionsv1.CustomResourceDefinition;

interface Kind {
  group: string;
  version: string;
  kind: string;
}

const hasWildcard = (texts: readonly string[]) => texts.some((text) => text.includes('*'));

/** The kinds that a policy names without wildcards. */
function kindsOf({ spec }: Policy, definitions: readonly Definition[]): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec?.matchConstraints?.resourceRules ?? []) {
    if (hasWildcard(apiGroups) || hasWildcard(apiVersions)) continue;
    for (const group of apiGroups) {
      for (const version of apiVersions) {
        for (const resource of resources.filter((each) => !/[*/]/.test(each))) {
          const kind = kindOf(group, version, resource, definitions);
          if (kind && kinds.size < cel.CHECKED_TYPES_MAX) kinds.set(`${group}/${version}/${kind}`, { group, version, kind });
        }
      }
    }
  }
  return [...kinds.values()];
}

function kindOf(group: string, version: string, resource: string, definitions: readonly Definition[]): string | undefined {
  const builtIn = builtInResources(group, version).find(({ name }) => name === resource);
  if (builtIn) return builtIn.kind;
  const isIt = ({ spec }: Definition) =>
    spec.group === group && spec.names.plural === resource && spec.versions.some(({ name, served }) => name === version && served);
  return definitions.find(isIt)?.spec.names.kind;
}

function typeOf({ group, version, kind }: Kind, definitions: readonly Definition[]): cel.CelType | undefined {
  const name = typeNameOfKind(group, version, kind);
  if (name) return cel.builtInType(schemaTable, name);
  const definition = definitions.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  const schema = definition?.spec.versions.find((each) => each.name === version)?.schema?.openAPIV3Schema;
  return schema && cel.declaredType(schema as JsonSchema, true, kind)?.type;
}

function paramsTypeOf({ spec }: Policy, definitions: readonly Definition[]): cel.CelType | undefined {
  const { apiVersion = '', kind } = spec?.paramKind ?? {};
  if (!kind) return undefined;
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return typeOf({ group, version, kind }, definitions);
}

function warningsOf(policy: Policy, { list }: Pick<Snapshot, 'list'>): admissionregistrationv1.ExpressionWarning[] {
  const definitions = list(apiextensionsv1.customresourcedefinitions);
  const types = kindsOf(policy, definitions).flatMap((kind) => {
    const type = typeOf(kind, definitions);
    return type ? [{ ...kind, type }] : [];
  });
  return cel.typeWarnings(policy, types, paramsTypeOf(policy, definitions));
}

export const policyStatusController = defineController<Policy>({
  name: 'validatingadmissionpolicy-status-controller',
  for: admissionregistrationv1.validatingadmissionpolicies,
  reads: [apiextensionsv1.customresourcedefinitions],
  plan({ object, list }) {
    const { generation = 0 } = object.metadata ?? {};
    if (generation <= (object.status?.observedGeneration ?? 0)) return [];
    const expressionWarnings = warningsOf(object, { list });
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    const status = { ...object.status, observedGeneration: generation, typeChecking };
    return [updateStatus(admissionregistrationv1.validatingadmissionpolicies, { ...object, status }, 'the policy has changed')];
  },
});
