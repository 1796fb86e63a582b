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

export function policyOf(labels: Readonly<Record<string, string>> = {}): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const invalid = (key: string, value: string, why: string) => errors.push(fieldError.invalid(`metadata.labels[${key}]`, value, why));
  const level = (mode: string, whenWrong: Level): Level => {
    const value = labels[PREFIX + mode];
    if (value === undefined) return 'privileged';
    if ((LEVELS as readonly string[]).includes(value)) return value as Level;
    invalid(PREFIX + mode, value, `must be one of ${LEVELS.join(', ')}`);
    return whenWrong;
  };
  const version = (mode: string): Version => {
    const key = `${PREFIX}${mode}-version`;
    const value = labels[key];
    if (value === undefined || value === 'latest') return 'latest';
    const match = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(value);
    if (match) return Number(match[1]);
    invalid(key, value, 'must be "latest" or "v1.x"');
    return 'latest';
  };
  // What is enforced fails closed, what is only told fails open.
  const enforce = { level: level('enforce', 'restricted'), version: version('enforce') };
  const enforceIsGiven =
    errors.every((error) => error.field !== `metadata.labels[${PREFIX}enforce]`) && labels[`${PREFIX}enforce`] !== undefined;
  const audit = { level: level('audit', 'privileged'), version: version('audit') };
  let warn = { level: level('warn', 'privileged'), version: version('warn') };
  if (labels[`${PREFIX}warn`] === undefined && enforceIsGiven && stricter(enforce.level, warn.level)) {
    warn = { level: enforce.level, version: labels[`${PREFIX}warn-version`] === undefined ? enforce.version : warn.version };
  }
  return { policy: { enforce, audit, warn }, errors };
}
