// What the administrator sets for Pod Security: levels for namespaces that say nothing, and who is exempt (pod-security-admission
// admission/api: PodSecurityConfiguration).
import type { FieldError } from '@tiphys/machinery';
import { fieldError } from '@tiphys/machinery';
import { contentError, type FileFormat, parseConfigurationFile } from '../../configuration-file.ts';
import { levelProblem, type Policy, parseLevel, parseVersion, versionProblem } from './policy.ts';

export interface PodSecurityConfiguration {
  defaults: Policy;
  exemptions: { usernames: ReadonlySet<string>; namespaces: ReadonlySet<string>; runtimeClasses: ReadonlySet<string> };
}

const GROUP = 'pod-security.admission.config.k8s.io';
const FORMAT: FileFormat = {
  apiVersions: [`${GROUP}/v1`, `${GROUP}/v1beta1`, `${GROUP}/v1alpha1`],
  kind: 'PodSecurityConfiguration',
  shape: {
    defaults: {
      enforce: 'string',
      'enforce-version': 'string',
      audit: 'string',
      'audit-version': 'string',
      warn: 'string',
      'warn-version': 'string',
    },
    exemptions: { usernames: 'strings', namespaces: 'strings', runtimeClasses: 'strings' },
  },
};

const PRIVILEGED = { level: 'privileged', version: 'latest' } as const;
export const POD_SECURITY_DEFAULT: PodSecurityConfiguration = Object.freeze({
  defaults: { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED },
  exemptions: { usernames: new Set<string>(), namespaces: new Set<string>(), runtimeClasses: new Set<string>() },
});

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const EXEMPT = {
  namespaces: (name: string) =>
    LABEL.test(name)
      ? undefined
      : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  runtimeClasses: (name: string) =>
    SUBDOMAIN.test(name)
      ? undefined
      : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  usernames: (name: string) => (name === '' ? 'username must not be empty' : undefined),
};

/** Throws ConfigurationFileError naming all that is wrong. */
export function parsePodSecurityConfiguration(text: string): PodSecurityConfiguration {
  const { defaults, exemptions } = parseConfigurationFile(text, FORMAT);
  const errors: FieldError[] = [];
  const mode = (name: 'enforce' | 'warn' | 'audit') => {
    const level = defaults?.[name] || PRIVILEGED.level;
    const version = defaults?.[`${name}-version`] || PRIVILEGED.version;
    const problems = { [name]: levelProblem(level), [`${name}-version`]: versionProblem(version) };
    for (const [field, why] of Object.entries(problems)) {
      if (why) errors.push(fieldError.invalid(`defaults.${field}`, field === name ? level : version, why));
    }
    return { level: parseLevel(level) ?? PRIVILEGED.level, version: parseVersion(version) ?? PRIVILEGED.version };
  };
  const [enforce, warn, audit] = [mode('enforce'), mode('warn'), mode('audit')];
  const exempt = (kind: keyof typeof EXEMPT): Set<string> => {
    const names = new Set<string>();
    (exemptions?.[kind] ?? []).forEach((name: string, i: number) => {
      const field = `exemptions.${kind}[${i}]`;
      const why = EXEMPT[kind](name);
      if (why) errors.push(fieldError.invalid(field, name, why));
      else if (names.has(name)) errors.push(fieldError.duplicate(field, name));
      names.add(name);
    });
    return names;
  };
  const [namespaces, runtimeClasses, usernames] = [exempt('namespaces'), exempt('runtimeClasses'), exempt('usernames')];
  if (errors.length > 0) {
    throw contentError(
      FORMAT.kind,
      errors.map(({ field, message }) => `${field}: ${message}`),
    );
  }
  return { defaults: { enforce, warn, audit }, exemptions: { usernames, namespaces, runtimeClasses } };
}
