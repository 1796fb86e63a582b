// Structured log lines in klog's text shape. Secrets and tokens are never passed to it.
import type { Clock } from './clock.ts';

export type LogValues = Record<string, unknown>;

export interface Logger {
  info(message: string, values?: LogValues): void;
  warning(message: string, values?: LogValues): void;
  error(message: string, error?: unknown, values?: LogValues): void;
  /** Details that are off by default. */
  debug(message: string, values?: LogValues): void;
  /** The same sink, each line marked with the component's name. */
  named(component: string): Logger;
}

export interface LoggerOptions {
  clock: Clock;
  write: (line: string) => void;
  debug?: boolean;
  /** `json`: an object a line, as upstream's --logging-format=json (component-base logs/json). Default: klog's text. */
  format?: 'text' | 'json';
}

function rendered(values: LogValues | undefined): string {
  if (!values) return '';
  return Object.entries(values)
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? 'null')}`)
    .join('');
}

export function logger(options: LoggerOptions, component = 'tiphys'): Logger {
  const line = (severity: string, message: string, values?: LogValues) => {
    if (options.format === 'json') {
      const level = severity === 'D' ? { v: 4 } : severity === 'I' ? { v: 0 } : {};
      options.write(JSON.stringify({ ts: options.clock.now(), logger: component, msg: message, ...level, ...values }));
      return;
    }
    const iso = new Date(options.clock.now()).toISOString();
    options.write(
      `${severity}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 23)} ${component}] ${JSON.stringify(message)}${rendered(values)}`,
    );
  };
  return {
    info: (message, values) => line('I', message, values),
    warning: (message, values) => line('W', message, values),
    error: (message, error, values) =>
      line('E', message, {
        ...values,
        ...(error === undefined ? {} : { err: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      }),
    debug: (message, values) => options.debug && line('D', message, values),
    named: (name) => logger(options, name),
  };
}

export const silentLogger: Logger = { info() {}, warning() {}, error() {}, debug() {}, named: () => silentLogger };
