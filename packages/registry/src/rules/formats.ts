// The formats of strings that rules use, by the short names they use. They live in the api package.
export {
  isConfigMapKey as isConfigKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isDns1123SubdomainWithUnderscore,
  isHttpHeaderName,
  isLabelValue,
  isLongName,
  isPathSegmentName as isPathSegment,
  isQualifiedName,
  isRelaxedEnvVarName as isEnvVarName,
  isValidPercent as isPercent,
  isValidPortName as isPortName,
  isValidPortNumber as isPort,
  isValidUserId as isUnixId,
  isWildcardDns1123Subdomain as isWildcardSubdomain,
  maxLengthMessage as maxLengthError,
  nameIsDns1035Label,
  nameIsDnsLabel as nameIsLabel,
  nameIsDnsSubdomain as nameIsSubdomain,
  nameIsPathSegment,
  patternMessage as regexError,
  rangeMessage as rangeError,
} from '@tiphys/api';

/** Length of what base64 stands for. */
export function decodedLength(text: string): number {
  return Math.floor((text.length * 3) / 4) - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
}

/** Length in bytes, as Go's len() counts. */
export function byteLength(value: string): number {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 127) return Buffer.byteLength(value);
  return value.length;
}
