// Which group versions are served (controlplane/instance.go, apiserver server/resourceconfig).

const STABLE_VERSION = /^v\d+$/;

/** Stable versions are served unless told otherwise, alpha and beta ones only when asked for. */
export function isServed(group: string, version: string, runtimeConfig: Readonly<Record<string, boolean>> = {}): boolean {
  const stability = STABLE_VERSION.test(version) ? 'ga' : version.includes('beta') ? 'beta' : 'alpha';
  return (
    runtimeConfig[group === '' ? version : `${group}/${version}`] ??
    runtimeConfig[`api/${stability}`] ??
    runtimeConfig['api/all'] ??
    stability === 'ga'
  );
}
