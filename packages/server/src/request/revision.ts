// resourceVersions of requests (apiserver storage/api_object_versioner.go, storage/errors.go).
import { StatusError } from '@tiphys/machinery';

/** '' and '0' give 0. Throws for what is no number. */
export function parseRevision(text: string): number {
  if (text === '' || text === '0') return 0;
  if (!/^\d{1,19}$/.test(text)) {
    throw new StatusError(
      400,
      'BadRequest',
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return Number(text);
}

/** A revision that hasn't happened yet; the client is told to try again in a second. */
export function tooLarge(asked: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
