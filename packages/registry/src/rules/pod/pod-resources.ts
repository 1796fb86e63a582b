// Resources of the pod as a whole (apis/core/validation validatePodResources; component-helpers/resource).
import { cameEmpty, type corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../errors.ts';
import { addQuantities, compareQuantities, quantityNano, quantitySign, quantityText } from '../quantities.ts';
import { checkResources, isHugePages } from './resources.ts';
import { isSidecar } from './scope.ts';

/** What the containers need together of one resource, if any names it: those that run at once, or the largest step of starting up. */
function aggregate(spec: corev1.PodSpec, of: 'requests' | 'limits', name: string): bigint | undefined {
  const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  if (all.every(({ resources }) => resources?.[of]?.[name] === undefined)) return undefined;
  const own = (container: corev1.Container) => quantityNano(container.resources?.[of]?.[name] ?? '0') ?? 0n;
  let sidecars = 0n;
  let starting = 0n;
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) sidecars += own(container);
    const needed = isSidecar(container) ? sidecars : sidecars + own(container);
    if (needed > starting) starting = needed;
  }
  const running = addQuantities((spec.containers ?? []).map((container) => container.resources?.[of]?.[name] ?? '0')) + sidecars;
  return running > starting ? running : starting;
}

/** The first amount that is one: sums are written as it is. */
const firstNamed = (spec: corev1.PodSpec, of: 'requests' | 'limits', name: string) =>
  [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
    .map(({ resources }) => resources?.[of]?.[name])
    .find((amount) => amount !== undefined && quantitySign(amount) !== 0);

export function checkPodResources(errors: Errors, specPath: string, spec: corev1.PodSpec, claimNames: ReadonlySet<string>): void {
  const resources = spec.resources!;
  const path = `${specPath}.resources`;
  if (spec.os?.name === 'windows') {
    errors.push(fieldError.forbidden(path, 'may not be set for a windows pod'));
    return;
  }
  if (resources.claims || cameEmpty(resources, 'claims')) {
    errors.push(fieldError.forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level'));
  }
  checkResources(errors, path, resources, 'pod', claimNames);
  for (const name in resources.requests) {
    const [total, given] = [aggregate(spec, 'requests', name), resources.requests[name]];
    if (total !== undefined && total > (quantityNano(given) ?? 0n)) {
      const why = `must be greater than or equal to aggregate container requests of ${quantityText(total, firstNamed(spec, 'requests', name))}`;
      errors.push(fieldError.invalid(`${path}.requests[${name}]`, String(given), why));
    }
  }
  for (const name in resources.limits) {
    const given = resources.limits[name];
    const total = isHugePages(name) ? aggregate(spec, 'limits', name) : undefined;
    if (total !== undefined && total > (quantityNano(given) ?? 0n)) {
      const why = `must be greater than or equal to aggregate container limits of ${quantityText(total, firstNamed(spec, 'limits', name))}`;
      errors.push(fieldError.invalid(`${path}.limits[${name}]`, String(given), why));
    }
    spec.containers?.forEach((container, i) => {
      const limit = container.resources?.limits?.[name];
      if (limit === undefined || compareQuantities(limit, given) <= 0) return;
      const why = `must be less than or equal to pod limits of ${given}`;
      errors.push(fieldError.invalid(`${path}.containers[${i}][${name}].limits`, String(limit), why));
    });
  }
}
