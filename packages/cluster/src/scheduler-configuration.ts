// The scheduler's configuration from a file in upstream's format, and how extenders are asked.
import { readFileSync } from 'node:fs';
import type { OwnPlugins, SchedulerOptions } from '@tiphys/scheduler';
import { SchedulerConfigurationError, schedulerConfiguration } from '@tiphys/scheduler';
import { parse } from 'yaml';
import { ConfigurationError } from './configuration.ts';
import { extenderTransport } from './extender-transport.ts';

/** Without a file: the default profile. Throws ConfigurationError that names the file and the field. */
export function readSchedulerConfiguration(
  file: string | undefined,
  plugins: OwnPlugins | undefined,
): Pick<SchedulerOptions, 'profiles' | 'backoff'> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`schedulerConfigFile: ${(error as Error).message}`);
  }
  try {
    return schedulerConfiguration(parse(text, { maxAliasCount: 0 }), { extenderTransport, ...(plugins ? { plugins } : {}) });
  } catch (error) {
    if (error instanceof SchedulerConfigurationError || (error as Error).name === 'YAMLParseError' || 'syscall' in (error as Error))
      throw new ConfigurationError(`${file}: ${(error as Error).message}`);
    throw error;
  }
}
