// Every built-in resource of a server: those with rules of their own, and the rest by the table alone.
import { builtInResources } from '@tiphys/api';
import type { ResourceDefinition } from '../define-resource.ts';
import { defineBuiltIn, rowsOf } from './base.ts';

export interface BuiltInOptions {
  /** Range that ClusterIPs are allocated from. */
  serviceCidr?: string;
  /** First and last port of NodePorts. */
  nodePortRange?: readonly [first: number, last: number];
  /** As upstream's --runtime-config: `api/all`, `api/beta`, `api/alpha` or `group/version` to true or false. */
  runtimeConfig?: Readonly<Record<string, boolean>>;
}

const STABLE_VERSION = /^v\d+$/;

/** Stable versions are served unless told otherwise, alpha and beta ones only when asked for (controlplane/instance.go). */
export function isServed(group: string, version: string, runtimeConfig: Readonly<Record<string, boolean>> = {}): boolean {
  const stability = STABLE_VERSION.test(version) ? 'ga' : version.includes('beta') ? 'beta' : 'alpha';
  return (
    runtimeConfig[group === '' ? version : `${group}/${version}`] ??
    runtimeConfig[`api/${stability}`] ??
    runtimeConfig['api/all'] ??
    stability === 'ga'
  );
}

const keyOf = (group: string, version: string, resource: string) => `${group}/${version}/${resource}`;

/** One definition for each served group version and resource, in the order of discovery. */
export function builtinDefinitions(options: BuiltInOptions = {}): ResourceDefinition[] {
  const own = new Map<string, ResourceDefinition>();
  const groups = ['', ...builtInResources.groupOrder.map(({ group }) => group)];
  return groups.flatMap((group) =>
    Object.keys(builtInResources.resources[group === '' ? 'core' : group] ?? {})
      .filter((version) => isServed(group, version, options.runtimeConfig))
      .flatMap((version) =>
        rowsOf(group, version)
          .filter(({ name }) => !name.includes('/'))
          .map(({ name }) => own.get(keyOf(group, version, name)) ?? defineBuiltIn(group, version, name)),
      ),
  );
}
