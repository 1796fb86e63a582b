// What the npm package offers as `tiphys/simulation`: simulate(), and the resources that its client is asked for.
export {
  admissionregistrationv1,
  apiextensionsv1,
  appsv1,
  autoscalingv2,
  batchv1,
  coordinationv1,
  corev1,
  discoveryv1,
  networkingv1,
  policyv1,
  rbacv1,
  schedulingv1,
  storagev1,
} from '@tiphys/api';
export type { Client } from '@tiphys/client';
export type { Fault, PartName, RefusalCode } from './faults.ts';
export type { StoppablePart } from './parts.ts';
export { durationMs, type SimulatedClock, type SimulatedCluster, type SimulateOptions, simulate } from './simulate.ts';
