// Which requests an authorization webhook is asked about: CEL over the SubjectAccessReview (apiserver pkg/authorization/cel).
import type { authorizationv1 } from '@tiphys/api';
import { cel } from '@tiphys/machinery';

const fields = (name: string, types: Readonly<Record<string, cel.CelType>>): cel.CelType =>
  cel.struct(name, (field) => (Object.hasOwn(types, field) ? types[field] : undefined));

const texts = (...names: string[]) => Object.fromEntries(names.map((name) => [name, cel.STRING]));
const STRINGS = cel.listOf(cel.STRING);
const REQUIREMENT = fields('kubernetes.SelectorRequirement', { ...texts('key', 'operator'), values: STRINGS });
const selector = (name: string) => fields(name, { rawSelector: cel.STRING, requirements: cel.listOf(REQUIREMENT) });
const REQUEST = fields('kubernetes.SubjectAccessReviewSpec', {
  resourceAttributes: fields('kubernetes.ResourceAttributes', {
    ...texts('namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'),
    fieldSelector: selector('kubernetes.FieldSelectorAttributes'),
    labelSelector: selector('kubernetes.LabelSelectorAttributes'),
  }),
  nonResourceAttributes: fields('kubernetes.NonResourceAttributes', texts('path', 'verb')),
  ...texts('user', 'uid'),
  groups: STRINGS,
  extra: cel.mapOf(cel.STRING, STRINGS),
});
const ENVIRONMENT = cel.createEnvironment({ variables: { request: REQUEST } });

export interface MatchCondition {
  readonly text: string;
  readonly program: cel.Program;
}

/** The compiled condition, or why it is none. */
export function compileCondition(text: string): MatchCondition | string {
  try {
    const program = ENVIRONMENT.compile(text);
    return program.type.kind === 'bool' ? { text, program } : `must evaluate to bool but got ${cel.typeText(program.type)}`;
  } catch (error) {
    if (error instanceof cel.CompilationError) return `compilation failed: ${error.message}`;
    throw error;
  }
}

/** With every field of the request there, empty ones too, so that expressions needn't ask for them. */
function requestValue(spec: authorizationv1.SubjectAccessReviewSpec): cel.Value {
  const { resourceAttributes: resource, nonResourceAttributes: path, user = '', groups = [], uid = '', extra = {} } = spec;
  const empty = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' };
  return cel.fromJson({
    user,
    groups,
    uid,
    extra,
    ...(resource ? { resourceAttributes: { ...empty, ...resource } } : {}),
    ...(path ? { nonResourceAttributes: { path: '', verb: '', ...path } } : {}),
  });
}

/** One that is false decides; otherwise what went wrong does. */
export function conditionsMatch(
  conditions: readonly MatchCondition[],
  spec: authorizationv1.SubjectAccessReviewSpec,
): boolean | { error: string } {
  if (conditions.length === 0) return true;
  const request = requestValue(spec);
  const errors: string[] = [];
  for (const { text, program } of conditions) {
    try {
      if (program.evaluate({ request }).value !== true) return false;
    } catch (error) {
      if (!(error instanceof cel.EvaluationFailure)) throw error;
      if (!(error.cause instanceof cel.CelError)) throw error.cause;
      errors.push(`cel evaluation error: expression '${text}' resulted in error: ${error.cause.message}`);
    }
  }
  if (errors.length === 0) return true;
  return { error: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` };
}
