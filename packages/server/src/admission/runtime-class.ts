// A pod takes over its runtime class's overhead, node selector and tolerations (plugin/pkg/admission/runtimeclass).
import { isDeepStrictEqual } from 'node:util';
import { cameEmpty, type corev1, nodev1 } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin } from '../interfaces.ts';
import { forbidden, podOf, unfitForClients } from './attributes.ts';

export function runtimeClass(): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    admit(attributes) {
      const spec = podOf(attributes, 'CREATE')?.spec;
      const found = spec && classOf(attributes, spec);
      if (!spec || !found) return;
      if (found.overhead) {
        const { podFixed } = found.overhead;
        if (Object.keys(spec.overhead ?? {}).length > 0 && !isDeepStrictEqual({ ...spec.overhead }, { ...podFixed }))
          throw mismatch(attributes);
        if (podFixed) spec.overhead = { ...podFixed };
      }
      if (found.scheduling) setScheduling(attributes, spec, found.scheduling);
    },
    validate(attributes) {
      const spec = podOf(attributes, 'CREATE')?.spec;
      if (!spec) return;
      const overhead = classOf(attributes, spec)?.overhead;
      if (overhead) {
        if (!isDeepStrictEqual({ ...spec.overhead }, { ...overhead.podFixed })) throw mismatch(attributes);
      } else if (spec.overhead !== undefined || cameEmpty(spec, 'overhead')) {
        throw forbidden(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      }
    },
  };
}

const mismatch = (attributes: AdmissionAttributes) =>
  forbidden(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");

function classOf(attributes: AdmissionAttributes, { runtimeClassName }: corev1.PodSpec): nodev1.RuntimeClass | undefined {
  if (runtimeClassName === undefined) return undefined;
  const found = attributes.reader.get(nodev1.runtimeclasses, runtimeClassName);
  const unfit = found ? undefined : unfitForClients(runtimeClassName);
  if (unfit) throw new StatusError(500, '', unfit);
  if (!found) throw forbidden(attributes, `pod rejected: RuntimeClass ${JSON.stringify(runtimeClassName)} not found`);
  return found;
}

function setScheduling(attributes: AdmissionAttributes, spec: corev1.PodSpec, scheduling: nodev1.Scheduling): void {
  for (const [key, wanted] of Object.entries(scheduling.nodeSelector ?? {})) {
    const given = spec.nodeSelector?.[key];
    if (given === undefined || given === wanted) continue;
    const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${wanted}; pod.spec.nodeSelector[${key}] = ${given}`;
    throw forbidden(attributes, why);
  }
  if (scheduling.nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...scheduling.nodeSelector };
  const own = spec.tolerations ?? [];
  const added = (scheduling.tolerations ?? []).filter((each) => !own.some((other) => isDeepStrictEqual({ ...other }, { ...each })));
  if (added.length > 0) spec.tolerations = [...own, ...added];
}
