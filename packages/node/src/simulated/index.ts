export { type SimulatedNodes, type SimulatedNodesOptions, startSimulatedNodes } from './simulated-nodes.ts';
export { DURATION_ANNOTATION, defaultStages, EXIT_CODE_ANNOTATION, type PodStage } from './stages.ts';
