// $(VAR) references (k8s.io/kubernetes third_party/forked/golang/expansion): $$ is a dollar, unknown names stay as they are.

const REFERENCE = /\$(?:\$|\(([^)]*)\))/g;

export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(REFERENCE, (whole, name: string | undefined) => (name === undefined ? '$' : (lookUp(name) ?? whole)));
}
