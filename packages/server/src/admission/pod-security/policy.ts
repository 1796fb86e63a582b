// The policy that a namespace's labels ask for (pod-security-admission api/helpers.go).
import { type FieldError, fieldError } from '@tiphys/machinery';
import type { Level } from './checks.ts';
import type { Version } from './registry.ts';

const PREFIX = 'pod-security.kubernetes.io/';
const LEVELS: readonly Level[] = ['privileged', 'baseline', 'restricted'];

export interface LevelVersion {
  level: Level;
  version: Version;
}

export interface Policy {
  enforce: LevelVersion;
  audit: LevelVersion;
  warn: LevelVersion;
}

export const policyText = ({ level, version }: LevelVersion): string => `${level}:${version === 'latest' ? version : `v1.${version}`}`;
export const stricter = (a: Level, b: Level): boolean => LEVELS.indexOf(a) > LEVELS.indexOf(b);

export const parseLevel = (text: string): Level | undefined => LEVELS.find((level) => level === text);
export const levelProblem = (text: string) => (parseLevel(text) ? undefined : `must be one of ${LEVELS.join(', ')}`);

export function parseVersion(text: string): Version | undefined {
  if (text === 'latest') return text;
  const match = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(text);
  return match ? Number(match[1]) : undefined;
}
export const versionProblem = (text: string) => (parseVersion(text) === undefined ? 'must be "latest" or "v1.x"' : undefined);

const PRIVILEGED: LevelVersion = { level: 'privileged', version: 'latest' };
const ALL_PRIVILEGED: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };
/** What is enforced fails closed, what is only told fails open. */
const WHEN_WRONG = { enforce: 'restricted', audit: 'privileged', warn: 'privileged' } as const;

/** Most namespaces leave it at the defaults. */
function saysOfSecurity(labels: Readonly<Record<string, string>>): boolean {
  for (const key in labels) if (key.startsWith(PREFIX)) return true;
  return false;
}

/** The labels' policy over the defaults. */
export function policyOf(
  labels: Readonly<Record<string, string>> = {},
  defaults: Policy = ALL_PRIVILEGED,
): { policy: Policy; errors: FieldError[] } {
  if (!saysOfSecurity(labels)) return { policy: defaults, errors: [] };
  const errors: FieldError[] = [];
  const read = <T>(key: string, parse: (text: string) => T | undefined, problem: (text: string) => string | undefined) => {
    const value = labels[key];
    const parsed = value === undefined ? undefined : parse(value);
    if (value !== undefined && parsed === undefined) errors.push(fieldError.invalid(`metadata.labels[${key}]`, value, problem(value)!));
    return { isGiven: value !== undefined, parsed };
  };
  const modeOf = (mode: keyof Policy) => {
    const level = read(PREFIX + mode, parseLevel, levelProblem);
    const version = read(`${PREFIX}${mode}-version`, parseVersion, versionProblem);
    const own: LevelVersion = {
      level: level.isGiven ? (level.parsed ?? WHEN_WRONG[mode]) : defaults[mode].level,
      version: version.isGiven ? (version.parsed ?? 'latest') : defaults[mode].version,
    };
    return { own, level, version };
  };
  const [enforce, audit, warn] = [modeOf('enforce'), modeOf('audit'), modeOf('warn')];
  // Who enforces more than is warned of by default is also warned.
  const follows = !warn.level.isGiven && enforce.level.parsed !== undefined && stricter(enforce.own.level, warn.own.level);
  const warned = follows ? { level: enforce.own.level, version: warn.version.isGiven ? warn.own.version : enforce.own.version } : warn.own;
  return { policy: { enforce: enforce.own, audit: audit.own, warn: warned }, errors };
}

const MODES = ['enforce', 'audit', 'warn'] as const;
export const isPrivileged = (policy: Policy) => MODES.every((mode) => policy[mode].level === 'privileged');

/** Alike in what they do: two privileged modes are, whatever their versions. */
export const isEquivalent = (a: Policy, b: Policy) =>
  MODES.every(
    (mode) =>
      (a[mode].level === 'privileged' && b[mode].level === 'privileged') ||
      (a[mode].level === b[mode].level && a[mode].version === b[mode].version),
  );

/** The modes that the labels set to something, such as `enforce=baseline:latest, warn=restricted:latest`. */
export const compactText = (policy: Policy, labels: Readonly<Record<string, string>>): string =>
  MODES.filter((mode) => policy[mode].level !== 'privileged')
    .filter((mode) => labels[PREFIX + mode] !== undefined || labels[`${PREFIX}${mode}-version`] !== undefined)
    .map((mode) => `${mode}=${policyText(policy[mode])}`)
    .join(', ');
