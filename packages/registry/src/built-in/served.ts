// Which group versions are served (controlplane/instance.go, apiserver server/resourceconfig).

const STABLE_VERSION = /^v\d+$/;
/** Their objects have another form than those of the stable version, and nothing here makes one of the other. */
const NEVER_SERVED = new Set(['resource.k8s.io/v1beta1']);

export const groupVersion = (group: string, version: string) => (group === '' ? version : `${group}/${version}`);
export const canBeServed = (name: string): boolean => !NEVER_SERVED.has(name);

/** Stable versions are served unless told otherwise, alpha and beta ones only when asked for. */
export function isServed(group: string, version: string, runtimeConfig: Readonly<Record<string, boolean>> = {}): boolean {
  const name = groupVersion(group, version);
  if (!canBeServed(name)) return false;
  const stability = STABLE_VERSION.test(version) ? 'ga' : version.includes('beta') ? 'beta' : 'alpha';
  return runtimeConfig[name] ?? runtimeConfig[`api/${stability}`] ?? runtimeConfig['api/all'] ?? stability === 'ga';
}

const STABILITIES = ['api/all', 'api/ga', 'api/beta', 'api/alpha'];

/**
 * Reads what upstream's --runtime-config takes: `api/beta=true,batch/v1=false`, where a name alone is true. `known` are groups with their versions,
 * such as `batch/v1` and `v1`. Throws an Error that says what is wrong (apiserver server/options/api_enablement.go).
 */
export function parseRuntimeConfig(text: string, known: ReadonlySet<string>): Readonly<Record<string, boolean>> {
  const entries = text.split(',').map((part): [string, boolean] => {
    const [name = '', value = 'true', ...more] = part.trim().split('=');
    if (more.length > 0 || (value !== 'true' && value !== 'false')) throw new Error(`invalid value ${part.trim()}`);
    if (!STABILITIES.includes(name) && !known.has(name))
      throw new Error(`unknown api ${name}: neither ${STABILITIES.join(', ')} nor a group with its version`);
    return [name, value === 'true'];
  });
  const config = Object.fromEntries(entries);
  if (config['api/all'] === false && Object.keys(config).length === 1) throw new Error('invalid runtime-config with only api/all=false');
  return config;
}
