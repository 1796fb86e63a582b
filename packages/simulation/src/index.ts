export { type Fault, Faults, type PartName, type RefusalCode } from './faults.ts';
export { STOPPABLE_PARTS, type StoppablePart } from './parts.ts';
export { drawStory, type Outcome, runStory } from './run.ts';
export { type SimulatedClock, type SimulatedCluster, type SimulateOptions, simulate } from './simulate.ts';
export { VirtualCluster, type VirtualClusterOptions } from './virtual-cluster.ts';
