import type { MessageInitShape } from '@bufbuild/protobuf';
import { refuseCudaMemory, type OpenInference } from '../open-inference-control/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import type {
  SystemSharedMemoryRegisterRequest,
  SystemSharedMemoryStatusRequest,
  SystemSharedMemoryStatusResponseSchema,
} from '../grpc/generated/index.ts';

/** Shared memory of callers on this machine. */
export function memoryMethods({ regions }: OpenInference) {
  return {
    systemSharedMemoryStatus({
      name,
    }: SystemSharedMemoryStatusRequest): MessageInitShape<typeof SystemSharedMemoryStatusResponseSchema> {
      const found = regions.status(name).map((region) => {
        const { key, offset, byteSize } = region;
        return [region.name, { name: region.name, key, offset: BigInt(offset), byteSize: BigInt(byteSize) }] as const;
      });
      return { regions: Object.fromEntries(found) };
    },
    async systemSharedMemoryRegister({ name, key, offset, byteSize }: SystemSharedMemoryRegisterRequest) {
      await regions.register({ name, key, offset: size(offset), byteSize: size(byteSize) });
      return {};
    },
    async systemSharedMemoryUnregister({ name }: SystemSharedMemoryStatusRequest | { readonly name: string }) {
      await regions.unregister(name);
      return {};
    },
    cudaSharedMemoryStatus: () => ({ regions: {} }),
    cudaSharedMemoryRegister: () => refuseCudaMemory(),
    cudaSharedMemoryUnregister: () => ({}),
  };
}

function size(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw refuse('offset and byte_size must be less than 2^53');
}
