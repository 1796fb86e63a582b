// Compiles the expressions of admission policies and of webhooks' match conditions (apiserver admission/plugin/cel/{compile,
// composition}.go).
import { createEnvironment, type Environment, type Program } from '../environment.ts';
import { AUTHORIZER_TYPE, RESOURCE_CHECK_TYPE } from '../library/authorizer.ts';
import { CompilationError } from '../source.ts';
import { BOOL, type CelType, DYN, isDynamic, listOf, NULL, STRING, sameType, struct, typeText } from '../types.ts';
import { CelMap, type Value } from '../values.ts';
import { JSON_PATCH, NAMESPACE, OBJECT, patchTypeNamed, REQUEST } from './types.ts';

/** An object that an expression makes: `Object.spec{replicas: 3}`. */
export class PatchObject extends CelMap {
  override readonly typeName: string;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(typeName: string, fields: ReadonlyMap<string, Value>) {
    super();
    this.typeName = typeName;
    this.fields = fields;
  }
  get size(): number {
    return this.fields.size;
  }
  find(key: Value): Value | undefined {
    return typeof key === 'string' ? this.fields.get(key) : undefined;
  }
  keys(): Iterable<string> {
    return this.fields.keys();
  }
}

export interface PolicyExpression {
  readonly text: string;
  /** Absent when it could not be compiled: `error` says why. */
  readonly program?: Program;
  readonly error?: string;
}

export interface PolicyEnvironmentOptions {
  params: boolean;
  authorizer: boolean;
  /** Whether expressions may speak of `variables`; they may unless it says false. */
  variables?: boolean;
  /** Object{…} and JSONPatch{…}, for mutations. */
  patches?: boolean;
  /** Types of `object` and `params` where they are known; dyn otherwise. */
  objectType?: CelType;
  paramsType?: CelType;
}

export const RETURNS = {
  bool: [BOOL],
  string: [STRING],
  annotation: [STRING, NULL],
  apply: [OBJECT],
  jsonPatch: [listOf(JSON_PATCH)],
  anything: undefined,
} satisfies Record<string, readonly CelType[] | undefined>;

const shown = (type: CelType): string => (type.kind === 'null' ? 'null_type' : typeText(type));

/** Compiles a policy's expressions one after another; variables are seen by those after them. */
export class PolicyCompiler {
  readonly #environment: Environment;
  readonly #variables = new Map<string, CelType>();

  constructor({ params, authorizer, variables = true, patches, objectType = DYN, paramsType = DYN }: PolicyEnvironmentOptions) {
    this.#environment = createEnvironment({
      variables: {
        object: objectType,
        oldObject: objectType,
        namespaceObject: NAMESPACE,
        request: REQUEST,
        ...(variables ? { variables: struct('kubernetes.variables', (name) => this.#variables.get(name)) } : {}),
        ...(params ? { params: paramsType } : {}),
        ...(authorizer ? { authorizer: AUTHORIZER_TYPE, 'authorizer.requestResource': RESOURCE_CHECK_TYPE } : {}),
      },
      ...(patches ? { jsonPatch: true, typeNamed: patchTypeNamed, construct: ({ name }, fields) => new PatchObject(name, fields) } : {}),
    });
  }

  compile(text: string, returns: readonly CelType[] | undefined): PolicyExpression {
    try {
      const program = this.#environment.compile(text);
      if (!returns || returns.some((type) => sameType(type, program.type))) return { text, program };
      const [only] = returns;
      const wanted = returns.length === 1 ? shown(only!) : `one of [${returns.map(shown).join(' ')}]`;
      return { text, error: `must evaluate to ${wanted} but got ${shown(program.type)}` };
    } catch (error) {
      if (error instanceof CompilationError) return { text, error: `compilation failed: ${error.message}` };
      throw error;
    }
  }

  variable(name: string, text: string): PolicyExpression {
    const compiled = this.compile(text, undefined);
    const type = compiled.program?.type ?? DYN;
    // Objects of libraries pass through variables as anything.
    this.#variables.set(name, type.kind === 'struct' || type.kind === 'opaque' || isDynamic(type) ? DYN : type);
    return compiled;
  }
}
