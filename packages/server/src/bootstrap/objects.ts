// What a cluster holds before anyone has created anything (pkg/controlplane/instance.go and its start hooks, v1.36).
import type { corev1, discoveryv1, KubeObject, networkingv1, ResourceType, schedulingv1 } from '@tiphys/api';

/** What stays when everything else may go. */
export const SYSTEM_NAMESPACES: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease', 'default'];

export function systemPriorityClasses(): schedulingv1.PriorityClass[] {
  return [
    {
      metadata: { name: 'system-node-critical' },
      value: 2_000_001_000,
      description: 'Used for system critical pods that must not be moved from their current node.',
    },
    {
      metadata: { name: 'system-cluster-critical' },
      value: 2_000_000_000,
      description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    },
  ];
}

export interface Advertised {
  /** Addresses at which pods reach the API servers, of one family. None: the Service has no endpoints. */
  addresses: readonly string[];
  /** The servers' secure port. */
  port: number;
  /** The Service's own address: the first of the service range. */
  clusterIP: string;
}

export function kubernetesService({ port, clusterIP }: Advertised): corev1.Service {
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: [clusterIP.includes(':') ? 'IPv6' : 'IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
  };
}

export function kubernetesEndpoints({ addresses, port }: Advertised): corev1.Endpoints {
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [...addresses].sort().map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}

export function kubernetesEndpointSlice({ addresses, port }: Advertised): discoveryv1.EndpointSlice {
  return {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: addresses[0]?.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [...addresses].sort().map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

export function defaultServiceCidr(cidrs: readonly string[]): networkingv1.ServiceCIDR {
  return { metadata: { name: 'kubernetes' }, spec: { cidrs: [...cidrs] } };
}

export interface TrustedProxies {
  certificateAuthorityPem: string;
  allowedNames: readonly string[];
  usernameHeaders: readonly string[];
  uidHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraHeaderPrefixes: readonly string[];
}

/** By this aggregated servers learn whom to trust (clusterauthenticationtrust). */
export function authenticationConfigMap(clientCertificateAuthorityPem: string, proxies?: TrustedProxies): corev1.ConfigMap {
  return {
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      'client-ca-file': clientCertificateAuthorityPem,
      ...(proxies
        ? {
            'requestheader-allowed-names': JSON.stringify(proxies.allowedNames),
            'requestheader-client-ca-file': proxies.certificateAuthorityPem,
            'requestheader-extra-headers-prefix': JSON.stringify(proxies.extraHeaderPrefixes),
            'requestheader-group-headers': JSON.stringify(proxies.groupHeaders),
            'requestheader-uid-headers': JSON.stringify(proxies.uidHeaders),
            'requestheader-username-headers': JSON.stringify(proxies.usernameHeaders),
          }
        : {}),
    },
  };
}

/** Since when the use of token secrets is recorded. */
export function tokenTrackingConfigMap(today: string): corev1.ConfigMap {
  return { metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }, data: { since: today } };
}

/** An object to be there, with the fields that this server keeps as they should be. */
export interface Kept<T extends KubeObject = KubeObject> {
  type: ResourceType<T>;
  object: T;
  /** Fields of the object that are put back when somebody changed them. Absent: only created. */
  keep?: readonly string[];
  /** Written to the status subresource after the object is created. */
  status?: object;
}
