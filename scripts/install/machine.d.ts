/** Instructions that an addon built for this processor family uses without asking. */
export declare function cpuFlagsNeeded(arch?: string): string[]

/** Instructions out of `needed` that the processor lacks; none where that cannot be told. */
export declare function missingCpuFlags(needed: readonly string[], cpuinfo?: string): string[]

/** Whether Node.js runs on musl (Alpine Linux), for which no libtorch is published. */
export declare function isMusl(executable?: string): boolean

/** Whether an NVIDIA driver is there with a GPU. Quick, as it starts nothing. */
export declare function gpuAnswers(): boolean

/** Names the Linux distribution as /etc/os-release does, such as `debian ubuntu`; empty elsewhere. */
export declare function distribution(file?: string): string
