// Reads a KubeSchedulerConfiguration into what startScheduler() takes.
import { type Extender, type ExtenderTls, extender, type SendJson } from '../extender.ts';
import type { PluginServices } from '../plugins/index.ts';
import type { SchedulerOptions } from '../running/scheduler.ts';
import { type OwnPlugins, profileFrom } from './profiles.ts';
import { checkedDocument, type ExtenderDocument, fail } from './shape.ts';

export type { OwnPlugins } from './profiles.ts';
export { SchedulerConfigurationError } from './shape.ts';

export interface ConfigurationContext {
  /** Plugins that profiles may name beside upstream's. */
  plugins?: OwnPlugins;
  /** How an extender is asked; without it a configuration with extenders is refused. */
  extenderTransport?: (tls: ExtenderTls | undefined, enableHttps: boolean) => SendJson;
}

const EXTENDER_TIMEOUT_MS = 30_000;
const BACKOFF_SECONDS = { initial: 1, max: 10 };
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Such as `500ms`, `1m30s`. */
function durationMs(text: string, path: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.map(([part]) => part).join('') !== text || text === '') fail(path, `"${text}" is not a duration such as 30s`);
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS_MS[unit!]!, 0);
}

function extenderFrom(document: ExtenderDocument, transport: ConfigurationContext['extenderTransport'], path: string): Extender {
  const { tlsConfig, enableHTTPS = false, httpTimeout, managedResources = [], ...rest } = document;
  if (!transport) fail(path, 'extenders can not be asked from here');
  if (rest.prioritizeVerb && !((rest.weight ?? 0) > 0)) fail(`${path}.weight`, 'must have a positive weight applied to it');
  if (managedResources.some((resource) => resource.ignoredByScheduler))
    fail(`${path}.managedResources`, 'name the resource in ignoredResources of NodeResourcesFitArgs instead of ignoredByScheduler');
  return extender(
    {
      ...rest,
      httpTimeoutMs: httpTimeout ? durationMs(httpTimeout, `${path}.httpTimeout`) : EXTENDER_TIMEOUT_MS,
      managedResources: managedResources.map(({ name }) => name),
    },
    transport(tlsConfig, enableHTTPS),
  );
}

/** `document`: the parsed YAML or JSON. Throws SchedulerConfigurationError naming the field that can't be. */
export function schedulerConfiguration(
  document: unknown,
  { plugins = {}, extenderTransport }: ConfigurationContext = {},
): Pick<SchedulerOptions, 'profiles' | 'backoff'> {
  const configuration = checkedDocument(document);
  const { percentageOfNodesToScore = 0, podInitialBackoffSeconds, podMaxBackoffSeconds } = configuration;
  const initial = podInitialBackoffSeconds ?? BACKOFF_SECONDS.initial;
  const max = podMaxBackoffSeconds ?? BACKOFF_SECONDS.max;
  if (initial <= 0) fail('podInitialBackoffSeconds', 'must be greater than 0');
  if (max < initial) fail('podMaxBackoffSeconds', 'must be greater than or equal to PodInitialBackoffSeconds');
  const documents = configuration.profiles ?? [{}];
  if (documents.length === 0) fail('profiles', 'Required value');
  const extenders = (configuration.extenders ?? []).map((one, index) => extenderFrom(one, extenderTransport, `extenders[${index}]`));
  if (extenders.filter((one) => one.bind).length > 1) fail('extenders', 'only one extender can implement bind');
  const profiles = (services: PluginServices) =>
    documents.map((one, index) => ({ ...profileFrom(one, services, plugins, percentageOfNodesToScore, `profiles[${index}]`), extenders }));
  // Made once without services to find mistakes now rather than when the scheduler starts.
  const names = profiles({}).map(({ schedulerName }) => schedulerName);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) fail(`profiles[${index}].schedulerName`, `Duplicate value: "${name}"`);
    if (documents.length > 1 && !documents[index]!.schedulerName) fail(`profiles[${index}].schedulerName`, 'Required value');
  }
  return { profiles, backoff: { initialMs: initial * 1000, maxMs: max * 1000 } };
}
