// NetworkPolicies (registry/networking/networkpolicy, apis/networking/validation, printers printNetworkPolicy).
import type { networkingv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import type { RuleContext } from '../define-resource.ts';
import { blockHas, blockWarnings, checkBlock } from '../rules/addresses.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { isPort, isPortName } from '../rules/formats.ts';
import { checkLabelSelector, selectorText } from '../rules/labels.ts';

type NetworkPolicy = networkingv1.NetworkPolicy;

function checkPort(errors: Errors, path: string, { protocol, port, endPort }: networkingv1.NetworkPolicyPort): void {
  if (protocol !== undefined && !['TCP', 'UDP', 'SCTP'].includes(protocol)) {
    errors.push(fieldError.notSupported(`${path}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']));
  }
  const endAt = `${path}.endPort`;
  if (typeof port === 'number') {
    complain(errors, `${path}.port`, port, isPort(port));
    if (endPort === undefined) return;
    if (endPort < port) errors.push(fieldError.invalid(endAt, port, 'must be greater than or equal to `port`'));
    complain(errors, endAt, endPort, isPort(endPort));
  } else if (port !== undefined) {
    if (endPort !== undefined) errors.push(fieldError.invalid(endAt, endPort, 'may not be specified when `port` is non-numeric'));
    complain(errors, `${path}.port`, port, isPortName(port));
  } else if (endPort !== undefined) {
    errors.push(fieldError.invalid(endAt, endPort, 'may not be specified when `port` is not specified'));
  }
}

function checkIpBlock(errors: Errors, path: string, { cidr, except }: networkingv1.IPBlock, before: readonly string[]): void {
  if (!cidr) {
    errors.push(fieldError.required(`${path}.cidr`));
    return;
  }
  const block = checkBlock(errors, `${path}.cidr`, cidr, before);
  if (!block) return;
  except?.forEach((text, i) => {
    const hole = checkBlock(errors, `${path}.except[${i}]`, text, before);
    if (!hole) return;
    const inside = blockHas(block, { family: hole.family, value: hole.base, leadingZeros: false, mapped: false });
    if (!inside || block.prefix >= hole.prefix) {
      errors.push(fieldError.invalid(`${path}.except[${i}]`, text, 'must be a strict subset of `cidr`'));
    }
  });
}

function checkPeer(errors: Errors, path: string, peer: networkingv1.NetworkPolicyPeer, before: readonly string[]): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  checkLabelSelector(errors, `${path}.podSelector`, podSelector);
  checkLabelSelector(errors, `${path}.namespaceSelector`, namespaceSelector);
  if (ipBlock) checkIpBlock(errors, `${path}.ipBlock`, ipBlock, before);
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(fieldError.required(path, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(fieldError.forbidden(path, 'may not specify both ipBlock and another peer'));
  }
}

const peersOf = ({ spec }: NetworkPolicy) => [
  ...(spec?.ingress ?? []).flatMap(({ from }) => from ?? []),
  ...(spec?.egress ?? []).flatMap(({ to }) => to ?? []),
];

function validate(policy: NetworkPolicy, old?: NetworkPolicy): Errors {
  const errors: Errors = [];
  const spec = policy.spec;
  const before = old ? peersOf(old).flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [])) : [];
  checkLabelSelector(errors, 'spec.podSelector', spec?.podSelector);
  const rule = (at: string, ports: networkingv1.NetworkPolicyPort[] = [], side: string, peers: networkingv1.NetworkPolicyPeer[] = []) => {
    ports.forEach((port, i) => {
      checkPort(errors, `${at}.ports[${i}]`, port);
    });
    peers.forEach((peer, i) => {
      checkPeer(errors, `${at}.${side}[${i}]`, peer, before);
    });
  };
  spec?.ingress?.forEach(({ ports, from }, i) => {
    rule(`spec.ingress[${i}]`, ports, 'from', from);
  });
  spec?.egress?.forEach(({ ports, to }, i) => {
    rule(`spec.egress[${i}]`, ports, 'to', to);
  });
  const types = spec?.policyTypes ?? [];
  if (types.length > 2) errors.push(fieldError.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes'));
  else {
    types.forEach((type, i) => {
      if (type !== 'Ingress' && type !== 'Egress') {
        errors.push(fieldError.notSupported(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress']));
      }
    });
  }
  return errors;
}

function warnOfBlocks({ spec }: NetworkPolicy, warn: (text: string) => void): void {
  const peers = (at: string, list: networkingv1.NetworkPolicyPeer[] | undefined) => {
    list?.forEach(({ ipBlock }, i) => {
      if (!ipBlock) return;
      const path = `${at}[${i}].ipBlock`;
      const texts = blockWarnings(`${path}.cidr`, ipBlock.cidr);
      ipBlock.except?.forEach((text, j) => {
        texts.push(...blockWarnings(`${path}.except[${j}]`, text));
      });
      for (const text of texts) warn(text);
    });
  };
  spec?.ingress?.forEach(({ from }, i) => {
    peers(`spec.ingress[${i}].from`, from);
  });
  spec?.egress?.forEach(({ to }, i) => {
    peers(`spec.egress[${i}].to`, to);
  });
}

function validateAndWarn(policy: NetworkPolicy, old: NetworkPolicy | undefined, { warn }: RuleContext): Errors {
  const errors = validate(policy, old);
  if (errors.length === 0) warnOfBlocks(policy, warn);
  return errors;
}

export const networkPolicies = defineBuiltIn<NetworkPolicy>('networking.k8s.io', 'v1', 'networkpolicies', {
  validateCreate: (policy, context) => validateAndWarn(policy, undefined, context),
  validateUpdate: validateAndWarn,
  columns: withNameAndAge<NetworkPolicy>(text('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector))),
});
