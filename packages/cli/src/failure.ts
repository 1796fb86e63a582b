// What a person is told of a failure, in kubectl's words (kubectl pkg/cmd/util/helpers.go).
import { ConnectionError } from '@tiphys/client';
import { StatusError } from '@tiphys/machinery';
import { Retryable } from '@tiphys/std';
import { CommandError, Failures, PlainFailure } from './terminal.ts';

export interface Explained {
  text: string;
  code: number;
}

/** Errors of other packages that are written for people; known by name, so that nothing is loaded to recognize them. */
const FOR_PEOPLE = new Set(['ConfigurationError', 'BackupError', 'KubeconfigError']);
const BUG_CODE = 70;

function invalid(error: StatusError): string {
  const { details } = error;
  if (!details) return `The request is invalid: ${error.message}`;
  const { kind = '', name = '', causes = [] } = details;
  const subject = kind || name ? `The ${kind} ${JSON.stringify(name)} is invalid` : 'The request is invalid';
  if (causes.length === 0) return kind || name ? subject : `${subject}: ${error.message}`;
  const lines = [...new Set(causes.map((cause) => `${cause.field ?? ''}: ${cause.message ?? ''}`))];
  return lines.length === 1 ? `${subject}: ${lines[0]}` : `${subject}: \n${lines.map((line) => `* ${line}\n`).join('')}`;
}

function ofServer(error: StatusError): string {
  if (error.reason === 'Unauthorized') return `error: You must be logged in to the server (${error.message})`;
  return error.reason ? `Error from server (${error.reason}): ${error.message}` : `Error from server: ${error.message}`;
}

function ofConnection(error: ConnectionError): string {
  if (error.code === 'ECONNREFUSED')
    return `The connection to the server ${error.address} was refused - did you specify the right host or port?\nIs the cluster running? tiphys status tells, tiphys up starts it.`;
  return `Unable to connect to the server: ${error.message}`;
}

/** One of several failures: as it would be told alone, without `error: ` before it. */
function line(error: unknown): string {
  if (error instanceof StatusError) return ofServer(error);
  if (error instanceof ConnectionError) return ofConnection(error);
  return error instanceof Error ? error.message : String(error);
}

/** Unknown failures are our bug: told with the stack. */
export function explain(error: unknown): Explained {
  if (error instanceof Failures)
    return error.errors.length === 1 ? explain(error.errors[0]) : { text: error.errors.map((one) => `${line(one)}\n`).join(''), code: 1 };
  if (error instanceof PlainFailure) return { text: error.message, code: error.code };
  if (error instanceof CommandError) return { text: `error: ${error.message}`, code: error.code };
  if (error instanceof StatusError) return { text: error.reason === 'Invalid' ? invalid(error) : ofServer(error), code: 1 };
  if (error instanceof ConnectionError) return { text: ofConnection(error), code: 1 };
  if (error instanceof Error && error.message.startsWith('context was not found'))
    return { text: `Error in configuration: ${error.message}`, code: 1 };
  if (error instanceof Retryable || (error instanceof Error && FOR_PEOPLE.has(error.name)))
    return { text: `error: ${error.message}`, code: 1 };
  return { text: `tiphys failed, which is a bug in it: ${error instanceof Error ? error.stack : String(error)}`, code: BUG_CODE };
}
