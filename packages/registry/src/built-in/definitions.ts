// Every built-in resource of a server: those with rules of their own, and the rest by the table alone.
import { builtInGroups } from '@tiphys/api';
import type { ResourceDefinition } from '../define-resource.ts';
import { defineBuiltIn } from './base.ts';
import type { BuiltInOptions } from './options.ts';
import { ownDefinitions } from './own-rules.ts';
import { canBeServed, groupVersion, isServed } from './served.ts';

const keyOf = (group: string, version: string, resource: string) => `${group}/${version}/${resource}`;

/** One definition for each served group version and resource, in the order of discovery. */
export function builtinDefinitions(options: BuiltInOptions = {}): ResourceDefinition[] {
  const own = new Map<string, ResourceDefinition<any>>();
  for (const definition of ownDefinitions(options)) {
    const { group, version, resource } = definition.type;
    own.set(keyOf(group, version, resource), definition);
  }
  /** A beta or alpha version of what there is as a stable one too has its form, and is judged as it. */
  const asStable = (group: string, version: string, name: string) => {
    const stable = [...own.values()].find(({ type, conversion }) => type.group === group && type.resource === name && !conversion);
    if (!stable) return defineBuiltIn(group, version, name);
    const { type: _type, schema: _schema, ...rules } = stable;
    return defineBuiltIn(group, version, name, rules);
  };
  return builtInGroups().flatMap(({ group, versions }) =>
    versions
      .filter(({ version }) => isServed(group, version, options.runtimeConfig))
      .flatMap(({ version, resources }) =>
        resources
          .filter(({ name }) => !name.includes('/'))
          .map(({ name }) => own.get(keyOf(group, version, name)) ?? asStable(group, version, name)),
      ),
  );
}

/** All that can be served, such as `v1` and `batch/v1`. */
export const builtinGroupVersions = (): ReadonlySet<string> =>
  new Set(
    builtInGroups().flatMap(({ group, versions }) => versions.map(({ version }) => groupVersion(group, version)).filter(canBeServed)),
  );
