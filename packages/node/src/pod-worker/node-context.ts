// What the workers of one node share.
import type { corev1 } from '@tiphys/api';
import type { Client, EventRecorder, Informer } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import type { CgroupTree } from '../cgroups/cgroup-tree.ts';
import type { MachineMemory } from '../container/container-configuration.ts';
import type { DnsSettings } from '../container/hosts.ts';
import type { NodeAllocatable } from '../container/resource-field.ts';
import type { CriClient } from '../cri/client.ts';
import type { ImageMounts } from '../images/image-mounts.ts';
import type { ImagePuller } from '../images/puller.ts';
import type { Refusal } from '../node/admission.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { Allocations } from './allocations.ts';
import type { BackOff } from './back-off.ts';
import type { RuntimeView } from './runtime-view.ts';
import type { StatusWriter } from './status-writer.ts';

export interface NodeContext {
  client: Client;
  runtime: Runtime;
  events: EventRecorder;
  cri: CriClient;
  view: RuntimeView;
  volumes: VolumeManager;
  cgroups: CgroupTree;
  images: ImagePuller;
  imageMounts: ImageMounts;
  statuses: StatusWriter;
  allocations: Allocations;
  /** Why a pod that runs here may not have the resources of its spec now. */
  admitResize: (pod: corev1.Pod) => Refusal | undefined;
  /** A pod has left room for others. */
  onRoom: () => void;
  services: Informer<corev1.Service>;
  crashLoop: BackOff;
  dns: DnsSettings;
  /** The machine's /etc/hosts, for pods of the host's network. */
  machineHosts: string;
  nodeName: string;
  hostIp: string;
  /** The data folder. */
  directory: string;
  memory: MachineMemory;
  allocatable: () => NodeAllocatable;
  /** When this process began to run pods; containers older than that were adopted. */
  startedMs: number;
}
