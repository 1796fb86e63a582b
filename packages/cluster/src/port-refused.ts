// A port that can't be had, in words that say what to do.
import { ConfigurationError } from './configuration.ts';

/** The error to throw for one that listening raised. */
export function portRefused(error: unknown, port: number, remedy: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const why: Record<string, string> = {
    EADDRINUSE: 'is in use by another program',
    EACCES: 'is reserved for root',
    EADDRNOTAVAIL: 'belongs to an address that this machine does not have',
  };
  const reason = why[code ?? ''];
  return reason
    ? new ConfigurationError(`port ${port} ${reason}; ${code === 'EADDRINUSE' ? 'end that program, or ' : ''}${remedy}`, { cause: error })
    : error;
}
