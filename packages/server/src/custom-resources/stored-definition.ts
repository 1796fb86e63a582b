// CustomResourceDefinitions as kube-apiserver stores them: in v1beta1, which has for all versions at once what v1 says of each
// (apiextensions pkg/apis/apiextensions/v1beta1 types.go, conversion of both versions).
import type { Definition } from './conditions.ts';

type Plain = Record<string, any>;

const OLD = 'apiextensions.k8s.io/v1beta1';

function versionOf(spec: Plain, version: Plain): Plain {
  const columns = version.additionalPrinterColumns ?? spec.additionalPrinterColumns;
  const schema = version.schema ?? spec.validation;
  const subresources = version.subresources ?? spec.subresources;
  const selectableFields = version.selectableFields ?? spec.selectableFields;
  return {
    ...version,
    ...(schema ? { schema } : {}),
    ...(subresources ? { subresources } : {}),
    ...(selectableFields ? { selectableFields } : {}),
    ...(columns
      ? {
          additionalPrinterColumns: columns.map(({ JSONPath: jsonPath, ...column }: Plain) => ({
            ...column,
            ...(jsonPath ? { jsonPath } : {}),
          })),
        }
      : {}),
  };
}

function conversionOf({ strategy, webhookClientConfig, conversionReviewVersions }: Plain): Plain {
  if (!webhookClientConfig && !conversionReviewVersions) return { strategy };
  const clientConfig = webhookClientConfig ? { clientConfig: webhookClientConfig } : {};
  return { strategy, webhook: { ...clientConfig, ...(conversionReviewVersions ? { conversionReviewVersions } : {}) } };
}

/** The same definition in v1; the argument itself when it is of that version already. */
export function definitionAsV1(stored: Definition): Definition {
  if (stored.apiVersion !== OLD) return stored;
  const {
    version,
    versions = [{ name: version, served: true, storage: true }],
    validation: _validation,
    subresources: _subresources,
    additionalPrinterColumns: _columns,
    selectableFields: _fields,
    conversion,
    preserveUnknownFields = true,
    ...rest
  } = stored.spec as Plain;
  return {
    ...stored,
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: {
      ...rest,
      versions: versions.map((one: Plain) => versionOf(stored.spec, one)),
      conversion: conversionOf(conversion ?? { strategy: 'None' }),
      ...(preserveUnknownFields ? { preserveUnknownFields } : {}),
    },
  } as Definition;
}
