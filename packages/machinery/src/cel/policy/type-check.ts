// Checks a policy's expressions against the types that it matches (apiserver admission/plugin/policy/validating/typechecking.go).
import type { admissionregistrationv1 } from '@tiphys/api';
import type { CelType } from '../types.ts';
import { PolicyCompiler } from './compile.ts';

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy;
type Warning = admissionregistrationv1.ExpressionWarning;

export interface CheckedType {
  group: string;
  version: string;
  kind: string;
  type: CelType;
}

/** At most this many kinds are looked at. */
export const CHECKED_TYPES_MAX = 10;

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** What is wrong with the expressions when the object is of each of the types. */
export function typeWarnings({ spec }: Policy, types: readonly CheckedType[], paramsType?: CelType): Warning[] {
  const sorted = [...types].sort(
    (a, b) => compareText(a.group, b.group) || compareText(a.version, b.version) || compareText(a.kind, b.kind),
  );
  const problems = (text: string): string =>
    sorted
      .flatMap(({ group, version, kind, type }) => {
        const options = {
          params: spec?.paramKind !== undefined,
          authorizer: true,
          objectType: type,
          ...(paramsType ? { paramsType } : {}),
        };
        const compiler = new PolicyCompiler(options);
        for (const { name, expression } of spec?.variables ?? []) compiler.variable(name, expression);
        const { error } = compiler.compile(text, undefined);
        return error === undefined ? [] : [`${group}/${version}, Kind=${kind}: ${error}\n`];
      })
      .join('\n');
  return (spec?.validations ?? []).flatMap(({ expression, messageExpression }, i) => {
    const field = `spec.validations[${i}]`;
    const warnings = [{ fieldRef: `${field}.expression`, warning: problems(expression) }];
    if (messageExpression) warnings.push({ fieldRef: `${field}.messageExpression`, warning: problems(messageExpression) });
    return warnings.filter(({ warning }) => warning !== '');
  });
}
