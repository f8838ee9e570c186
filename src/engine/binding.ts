/** The functions of the native addon `tfjs_binding.node`, typed after its C++ sources. */

/** A tensor's place in the addon's table; it lives until `deleteTensor`. */
export type TensorId = number;

export interface TensorMetadata {
  readonly id: TensorId;
  readonly shape: number[];
  /** One of `TF_FLOAT`, `TF_INT32`, … */
  readonly dtype: number;
}

/**
 * What a tensor is made from: float32, int32, uint8 and bool as typed arrays; int64 as `Int32Array` pairs (low word
 * first); strings as an array of bytes.
 */
export type TensorInput = Float32Array | Int32Array | Uint8Array | readonly Uint8Array[];

/** What comes back: int64 as `BigInt64Array`; uint8 can not be read back (cast it to int32 in the graph). */
export type TensorOutput = Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint8Array[];

/** Every function throws a JavaScript `Error` with TensorFlow's message when TensorFlow refuses. */
export interface Binding {
  /** Shares the typed array's memory with TensorFlow until the tensor is deleted: do not write to it before. */
  createTensor(shape: readonly number[], dtype: number, data: TensorInput): TensorId;
  deleteTensor(id: TensorId): void;
  /** Copies a tensor's values into JavaScript. */
  tensorDataSync(id: TensorId): TensorOutput;
  /** Loads the SavedModel in a folder; `tags` are joined by commas. */
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(model: number): void;
  /**
   * Feeds and fetches are tensor names (`node:0`) joined by commas, in the order of `inputs` and of the result. Blocks
   * JavaScript until the step is done.
   */
  runSavedModel(model: number, inputs: readonly TensorId[], feeds: string, fetches: string): TensorMetadata[];
  getNumOfSavedModels(): number;
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_COMPLEX64: number;
  readonly TF_STRING: number;
  readonly TF_RESOURCE: number;
  readonly TF_UINT8: number;
  /** TensorFlow's own version, "2.21.0". */
  readonly TF_Version: string;
}
