/** The one place that pins TensorFlow: its version, and the wheels that carry its native libraries, with their SHA-256. */

/** The TensorFlow whose native libraries the addon is built against. */
export const tensorflowVersion = '2.21.0';

/** `cuda` runs on a machine without a GPU too (on the CPU); `cpu` is a quarter of its download. */
export type Variant = 'cpu' | 'cuda';

export type Machine = 'x86_64' | 'aarch64';

/** A file of the Python package index, as pip downloads it. */
export interface Wheel {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The CPython that the wheels are for. Any will do, since only native libraries are taken out: not the user's Python. */
export const python = '311';

/** What pip has to be told to pick exactly one wheel. */
export interface WheelName {
  readonly project: string;
  readonly version: string;
  readonly abi: string;
  readonly platform: string;
}

/**
 * The wheel of TensorFlow itself comes first; for aarch64 the index has no `tensorflow-cpu`, but `tensorflow` runs there
 * without a GPU. The nvidia wheels are those that pip resolves for `tensorflow[and-cuda]`, whose metadata asks for
 * CUDA 12.5 to 12.9 and cuDNN 9.3 or later.
 */
const wheels: Readonly<Record<Variant, Partial<Readonly<Record<Machine, readonly Wheel[]>>>>> = {
  cpu: {
    x86_64: [
      {
        file: `tensorflow_cpu-${tensorflowVersion}-cp${python}-cp${python}-manylinux_2_27_x86_64.whl`,
        bytes: 273829956,
        sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
      },
    ],
    aarch64: [
      {
        file: `tensorflow-${tensorflowVersion}-cp${python}-cp${python}-manylinux_2_27_aarch64.whl`,
        bytes: 281828020,
        sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
      },
    ],
  },
  cuda: {
    x86_64: [
      {
        file: `tensorflow-${tensorflowVersion}-cp${python}-cp${python}-manylinux_2_27_x86_64.whl`,
        bytes: 572440367,
        sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
      },
      {
        file: 'nvidia_cublas_cu12-12.9.3.13-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 581217458,
        sha256: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
      },
      {
        file: 'nvidia_cuda_cupti_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 10248621,
        sha256: 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
      },
      {
        file: 'nvidia_cuda_nvcc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 40546229,
        sha256: '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
      },
      {
        file: 'nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 89568129,
        sha256: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
      },
      {
        file: 'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 3493179,
        sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
      },
      {
        file: 'nvidia_cudnn_cu12-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 716538495,
        sha256: '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
      },
      {
        file: 'nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 200877592,
        sha256: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
      },
      {
        file: 'nvidia_curand_cu12-10.3.10.19-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 68295626,
        sha256: '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
      },
      {
        file: 'nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 338117415,
        sha256: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
      },
      {
        file: 'nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 366465088,
        sha256: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
      },
      {
        file: 'nvidia_nccl_cu12-2.32.3-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 351526311,
        sha256: 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
      },
      {
        file: 'nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 39748338,
        sha256: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
      },
    ],
  },
};

/** The wheels to unpack beside each other, or `null` where no build exists for this machine and variant. */
export function wheelsFor(variant: Variant, machine: string): readonly Wheel[] | null {
  return Object.entries(wheels[variant]).find(([name]) => name === machine)?.[1] ?? null;
}

/**
 * Takes a wheel's file name apart (PEP 427): `project-version-python-abi-platform.whl`; of several platforms the first
 * counts. Throws `RangeError` for another name.
 */
export function parseWheelName(file: string): WheelName {
  const match = /^([^-]+)-([^-]+)-(?:cp|py)\d+-([^-]+)-([^-.]+)[^-]*\.whl$/.exec(file);
  const [, project, version, abi, platform] = match ?? [];
  if (!project || !version || !abi || !platform) throw new RangeError(`"${file}" is not a wheel's file name`);
  return { project: project.replaceAll('_', '-'), version, abi, platform };
}
