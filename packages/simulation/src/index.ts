export { type Fault, Faults, type PartName, type RefusalCode } from './faults.ts';
export { STOPPABLE_PARTS, type StoppablePart, VirtualCluster, type VirtualClusterOptions } from './virtual-cluster.ts';
