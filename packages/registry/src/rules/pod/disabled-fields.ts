// What upstream's default feature gates leave out of pod specs: ContainerStopSignals, GenericWorkload, ClusterTrustBundleProjection and
// PodCertificateRequest (pkg/api/pod/util.go dropDisabledFields). A spec that has such a field keeps it.
import type { corev1 } from '@tiphys/api';

type Spec = corev1.PodSpec;

const containersOf = (spec: Spec | undefined) => [
  ...(spec?.containers ?? []),
  ...(spec?.initContainers ?? []),
  ...(spec?.ephemeralContainers ?? []),
];
const hasStopSignal = (spec: Spec | undefined) => containersOf(spec).some(({ lifecycle }) => lifecycle?.stopSignal !== undefined);
const sourcesOf = (spec: Spec | undefined) => (spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);

function dropStopSignal(container: Pick<corev1.Container, 'lifecycle'>): void {
  const { lifecycle } = container;
  if (lifecycle?.stopSignal === undefined) return;
  delete lifecycle.stopSignal;
  if (!lifecycle.preStop && !lifecycle.postStart) delete container.lifecycle;
}

function dropFromPodSpec(spec: Spec, old: Spec | undefined): void {
  if (spec.schedulingGroup && !old?.schedulingGroup) delete spec.schedulingGroup;
  if (!hasStopSignal(old)) for (const container of containersOf(spec)) dropStopSignal(container);
  const sources = sourcesOf(spec);
  for (const name of ['clusterTrustBundle', 'podCertificate'] as const) {
    const having = sources.filter((source) => source[name]);
    if (having.length === 0 || sourcesOf(old).some((source) => source[name])) continue;
    for (const source of having) delete source[name];
  }
}

/** For kinds that hold a pod's spec at that path. */
export function dropDisabledAt(path: readonly string[]): (object: object, old?: object) => void {
  const at = (object: object | undefined) =>
    path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], object) as Spec | undefined;
  return (object, old) => {
    const spec = at(object);
    if (spec) dropFromPodSpec(spec, at(old));
  };
}
