import type { JsonObject, TensorDatatype } from '../../../core/inference/index.ts';
import type { TensorPort } from '../../../core/models/index.ts';

interface ShownModel {
  readonly name: string;
  readonly platform: string;
  readonly isDecoupled: boolean;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
}

/** What Triton's protobuf JSON says of a model that has no config.pbtxt, default fields included. */
export function languageConfig(model: ShownModel): JsonObject {
  return {
    name: model.name,
    platform: '',
    backend: model.platform,
    runtime: '',
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: model.inputs.map((port) => ({
      name: port.name,
      data_type: configType(port.datatype),
      format: 'FORMAT_NONE',
      dims: port.dims,
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: port.isOptional === true,
      is_non_linear_format_io: false,
    })),
    output: model.outputs.map((port) => ({
      name: port.name,
      data_type: configType(port.datatype),
      dims: port.dims,
      label_filename: '',
      is_shape_tensor: false,
      is_non_linear_format_io: false,
    })),
    batch_input: [],
    batch_output: [],
    instance_group: [],
    default_model_filename: '',
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {},
    model_warmup: [],
    model_transaction_policy: { decoupled: model.isDecoupled },
  };
}

function configType(datatype: TensorDatatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}
