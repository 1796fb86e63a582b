export { type HostPort, hostPortsCollide, hostPortsOf } from './host-ports.ts';
export { matchesNodeAffinity, matchesNodeSelector, preferredNodeAffinityWeight } from './node-affinity.ts';
export { type Amounts, addAmounts, amountsOf, podLimits, podRequests } from './requests.ts';
export { tolerates, untoleratedTaint } from './tolerations.ts';
