// The file of --admission-control-config-file: each plugin's own configuration, in the file or in one beside it (apiserver
// admission/config.go).
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { ConfigurationFileError, type FileFormat, parseConfigurationFile } from '../configuration-file.ts';
import { type PodSecurityConfiguration, parsePodSecurityConfiguration } from './pod-security/configuration.ts';

export interface AdmissionConfiguration {
  podSecurity?: PodSecurityConfiguration;
}

const GROUP = 'apiserver.config.k8s.io';
const FORMAT: FileFormat = {
  apiVersions: [`${GROUP}/v1`, 'apiserver.k8s.io/v1alpha1'],
  kind: 'AdmissionConfiguration',
  shape: { plugins: [{ name: 'string', path: 'string', configuration: 'any' }] },
};

/** Paths in the text are relative to `folder`. Throws ConfigurationFileError. */
export function parseAdmissionConfiguration(text: string, folder: string): AdmissionConfiguration {
  const result: AdmissionConfiguration = {};
  for (const { name = '', path, configuration } of parseConfigurationFile(text, FORMAT).plugins ?? []) {
    if (name !== 'PodSecurity') {
      throw new ConfigurationFileError(`plugins: ${JSON.stringify(name)} takes no configuration here; known is PodSecurity`);
    }
    result.podSecurity = parsePodSecurityConfiguration(contentOf(name, path, configuration, folder));
  }
  return result;
}

function contentOf(name: string, path: string | undefined, configuration: unknown, folder: string): string {
  if (configuration) return stringify(configuration);
  if (!path) throw new ConfigurationFileError(`plugins: ${name} has neither a path nor a configuration`);
  const file = resolve(folder, path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationFileError(`plugins: ${name}: ${(error as Error).message}`, { cause: error });
  }
}
