// Probes, lifecycle hooks and their handlers (apis/core/validation validateProbe, validateLifecycle, validateHandler).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors, nonNegative } from '../errors.ts';
import { isHttpHeaderName, isPort, isPortName } from '../formats.ts';
import type { PodScope } from './scope.ts';

type Handler = corev1.LifecycleHandler & { grpc?: corev1.GRPCAction };
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

/** A port by number or by a container port's name. */
export function checkPortReference(errors: Errors, path: string, port: number | string | undefined): void {
  if (typeof port === 'string') complain(errors, path, port, isPortName(port));
  else complain(errors, path, port ?? 0, isPort(port ?? 0));
}

function checkHttpGet(errors: Errors, path: string, action: corev1.HTTPGetAction): void {
  if (!action.path) errors.push(fieldError.required(`${path}.path`));
  checkPortReference(errors, `${path}.port`, action.port);
  const scheme = action.scheme ?? '';
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') errors.push(fieldError.notSupported(`${path}.scheme`, scheme, ['HTTP', 'HTTPS']));
  for (const header of action.httpHeaders ?? []) {
    complain(errors, `${path}.httpHeaders`, header.name, isHttpHeaderName(header.name ?? ''));
  }
}

function checkSleep(errors: Errors, path: string, action: corev1.SleepAction, graceSeconds: number | undefined): void {
  const seconds = action.seconds ?? 0;
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return;
  const why = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
  errors.push(fieldError.invalid(path, seconds, why));
}

function checkHandler({ errors, spec }: PodScope, path: string, handler: Handler): void {
  let count = 0;
  for (const name of HANDLERS) {
    if (!handler[name]) continue;
    const at = `${path}.${name}`;
    if (count++ > 0) errors.push(fieldError.forbidden(at, 'may not specify more than 1 handler type'));
    else if (name === 'exec') {
      if (!handler.exec!.command?.length) errors.push(fieldError.required(`${at}.command`));
    } else if (name === 'httpGet') checkHttpGet(errors, at, handler.httpGet!);
    else if (name === 'sleep') checkSleep(errors, at, handler.sleep!, spec.terminationGracePeriodSeconds);
    else checkPortReference(errors, `${at}.port`, handler[name]!.port);
  }
  if (count === 0) errors.push(fieldError.required(path, 'must specify a handler type'));
}

const NUMBERS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;

export function checkProbe(
  scope: PodScope,
  path: string,
  probe: corev1.Probe | undefined,
  kind: 'liveness' | 'readiness' | 'startup',
): void {
  if (!probe) return;
  const { errors } = scope;
  checkHandler(scope, path, probe);
  for (const name of NUMBERS) nonNegative(errors, `${path}.${name}`, probe[name]);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.push(fieldError.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  }
  if (kind === 'readiness') {
    if (grace !== undefined) {
      errors.push(fieldError.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
    }
  } else if ((probe.successThreshold ?? 1) !== 1) {
    errors.push(fieldError.invalid(`${path}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
}

export function checkLifecycle(scope: PodScope, path: string, lifecycle: corev1.Lifecycle | undefined): void {
  if (!lifecycle) return;
  if (lifecycle.postStart) checkHandler(scope, `${path}.postStart`, lifecycle.postStart);
  if (lifecycle.preStop) checkHandler(scope, `${path}.preStop`, lifecycle.preStop);
}
