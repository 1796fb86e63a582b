// Containers of the three kinds (apis/core/validation validateContainerCommon, validateInitContainers, validateEphemeralContainers).
import { cameEmpty, type corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors, oneOf } from '../errors.ts';
import { isDns1123Label, isPort, isPortName } from '../formats.ts';
import { checkEnv, checkEnvFrom } from './environment.ts';
import { checkDevices, checkMounts } from './mounts.ts';
import { checkLifecycle, checkProbe } from './probes.ts';
import { checkResources } from './resources.ts';
import { type AnyContainer, isSidecar, type PodScope } from './scope.ts';
import { checkContainerSecurity } from './security.ts';

export const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const RULES_MAX = 20;
const EXIT_CODES_MAX = 255;

function checkPorts(errors: Errors, path: string, ports: readonly corev1.ContainerPort[] | undefined): void {
  if (!ports) return;
  const names = new Set<string>();
  for (let i = 0; i < ports.length; i++) {
    const { name, containerPort, hostPort, protocol } = ports[i]!;
    const at = `${path}[${i}]`;
    if (name) {
      const wrong = isPortName(name);
      if (wrong.length) complain(errors, `${at}.name`, name, wrong);
      else if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
      else names.add(name);
    }
    if (!containerPort) errors.push(fieldError.required(`${at}.containerPort`));
    else complain(errors, `${at}.containerPort`, containerPort, isPort(containerPort));
    if (hostPort) complain(errors, `${at}.hostPort`, hostPort, isPort(hostPort));
    oneOf(errors, `${at}.protocol`, protocol, PROTOCOLS);
  }
}

function checkHostPorts(errors: Errors, path: string, containers: readonly AnyContainer[]): void {
  const seen = new Set<string>();
  containers.forEach((container, i) => {
    container.ports?.forEach((port, j) => {
      if (!port.hostPort) return;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(key)) errors.push(fieldError.duplicate(`${path}[${i}].ports[${j}].hostPort`, key));
      else seen.add(key);
    });
  });
}

function checkResizePolicy(errors: Errors, path: string, container: AnyContainer, spec: corev1.PodSpec): void {
  const seen = new Set<string>();
  container.resizePolicy?.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName)) errors.push(fieldError.duplicate(`${path}[${i}]`, resourceName));
    seen.add(resourceName);
    oneOf(errors, path, resourceName, ['cpu', 'memory']);
    oneOf(errors, path, restartPolicy, ['NotRequired', 'RestartContainer']);
    if (spec.restartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(fieldError.invalid(path, restartPolicy ?? '', "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
    }
  });
}

/** Rules without a policy are looked at no further where they are of an init container. */
function checkRestartRules(errors: Errors, path: string, container: AnyContainer, isInit = false): void {
  const { restartPolicy: policy, restartPolicyRules: rules = [] } = container;
  if (policy === undefined) {
    if (!rules.length) return;
    errors.push(fieldError.required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
    if (isInit) return;
  } else if (!['Always', 'Never', 'OnFailure'].includes(policy)) {
    errors.push(fieldError.notSupported(`${path}.restartPolicy`, policy, ['Always', 'Never', 'OnFailure']));
  }
  if (rules.length > RULES_MAX) errors.push(fieldError.tooMany(`${path}.restartPolicyRules`, rules.length, RULES_MAX));
  rules.forEach((rule, i) => {
    const at = `${path}.restartPolicyRules[${i}]`;
    if (!['Restart', 'RestartAllContainers'].includes(rule.action)) {
      errors.push(fieldError.notSupported(`${at}.action`, rule.action ?? '', ['Restart', 'RestartAllContainers']));
    }
    if (!rule.exitCodes) {
      errors.push(fieldError.required(`${at}.exitCodes`, 'must be specified'));
      return;
    }
    const { operator, values = [] } = rule.exitCodes;
    if (!['In', 'NotIn'].includes(operator)) {
      errors.push(fieldError.notSupported(`${at}.exitCodes.operator`, operator ?? '', ['In', 'NotIn']));
    }
    if (values.length > EXIT_CODES_MAX) errors.push(fieldError.tooMany(`${at}.exitCodes.values`, values.length, EXIT_CODES_MAX));
  });
}

function checkCommon(scope: PodScope, path: string, container: AnyContainer): void {
  const { errors } = scope;
  if (!container.name) errors.push(fieldError.required(`${path}.name`));
  else complain(errors, `${path}.name`, container.name, isDns1123Label(container.name));
  if (!container.image) errors.push(fieldError.required(`${path}.image`));
  oneOf(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']);
  checkPorts(errors, `${path}.ports`, container.ports);
  checkEnv(errors, `${path}.env`, container.env);
  checkEnvFrom(errors, `${path}.envFrom`, container.envFrom);
  checkMounts(scope, `${path}.volumeMounts`, container);
  checkDevices(scope, `${path}.volumeDevices`, container);
  oneOf(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES);
  if (container.resources) checkResources(errors, `${path}.resources`, container.resources, 'container', scope.claimNames);
  checkResizePolicy(errors, `${path}.resizePolicy`, container, scope.spec);
  checkContainerSecurity(errors, `${path}.securityContext`, container.securityContext, scope.hostUsers);
}

export function checkContainers(scope: PodScope, path: string): void {
  const { errors } = scope;
  const containers = scope.spec.containers ?? [];
  if (!containers.length) {
    errors.push(fieldError.required(path));
    return;
  }
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(scope, at, container);
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name));
    else names.add(container.name);
    checkLifecycle(scope, `${at}.lifecycle`, container.lifecycle);
    checkProbe(scope, `${at}.livenessProbe`, container.livenessProbe, 'liveness');
    checkProbe(scope, `${at}.readinessProbe`, container.readinessProbe, 'readiness');
    checkProbe(scope, `${at}.startupProbe`, container.startupProbe, 'startup');
    checkRestartRules(errors, at, container);
  });
  checkHostPorts(errors, path, containers);
}

const ONLY_SIDECARS = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function checkInitContainers(scope: PodScope, path: string): void {
  const { errors, spec } = scope;
  if (!spec.initContainers) return;
  const names = new Set((spec.containers ?? []).map(({ name }) => name));
  spec.initContainers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(scope, at, container);
    checkRestartRules(errors, at, container, true);
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name));
    else if (container.name) names.add(container.name);
    checkHostPorts(errors, path, [container]);
    if (isSidecar(container)) {
      checkLifecycle(scope, `${at}.lifecycle`, container.lifecycle);
      checkProbe(scope, `${at}.livenessProbe`, container.livenessProbe, 'liveness');
      checkProbe(scope, `${at}.readinessProbe`, container.readinessProbe, 'readiness');
      checkProbe(scope, `${at}.startupProbe`, container.startupProbe, 'startup');
      return;
    }
    for (const name of ONLY_SIDECARS) {
      if (container[name]) {
        errors.push(fieldError.forbidden(`${at}.${name}`, 'may not be set for init containers without restartPolicy=Always'));
      }
    }
    container.resizePolicy?.forEach(({ restartPolicy }, j) => {
      if (restartPolicy !== 'RestartContainer') return;
      const why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      errors.push(fieldError.invalid(`${at}.resizePolicy[${j}].restartPolicy`, restartPolicy, why));
    });
  });
}

const RESOURCE_FIELDS = ['claims', 'limits', 'requests'] as const;

/** Upstream compares with nothing at all, so that what came empty is given. */
function isGiven(container: AnyContainer, name: (typeof NOT_EPHEMERAL)[number]): boolean {
  const value = container[name];
  if (name === 'lifecycle' || name === 'restartPolicy' || name.endsWith('Probe')) return value !== undefined;
  if (isSet(value) || cameEmpty(container, name)) return true;
  const { resources } = container;
  return name === 'resources' && resources !== undefined && RESOURCE_FIELDS.some((field) => cameEmpty(resources, field));
}

const NOT_EPHEMERAL = [
  'ports',
  'resources',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
] as const;

function isSet(value: unknown): boolean {
  return value !== undefined && value !== '' && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

export function checkEphemeralContainers(scope: PodScope, path: string): void {
  const { errors, spec } = scope;
  if (!spec.ephemeralContainers) return;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(others);
  spec.ephemeralContainers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(scope, at, container as AnyContainer);
    checkImagePadding(errors, `${at}.image`, container.image);
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name));
    else names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(fieldError.notFound(`${at}.targetContainerName`, target));
    for (const name of NOT_EPHEMERAL) {
      if (isGiven(container as AnyContainer, name))
        errors.push(fieldError.forbidden(`${at}.${name}`, 'cannot be set for an Ephemeral Container'));
    }
    container.volumeMounts?.forEach((mount, j) => {
      for (const name of ['subPath', 'subPathExpr'] as const) {
        if (mount[name]) {
          errors.push(fieldError.forbidden(`${at}.volumeMounts[${j}].${name}`, 'cannot be set for an Ephemeral Container'));
        }
      }
    });
  });
}

export function checkImagePadding(errors: Errors, path: string, image: string | undefined): void {
  if (image && image.trim() !== image) errors.push(fieldError.invalid(path, image, 'must not have leading or trailing whitespace'));
}
