/** Folder of this package: where package.json is. */
export declare const packageRoot: string

/** The cache folder of this user. */
export declare function cacheRoot(env?: Record<string, string | undefined>): string

export declare function shortHash(text: string): string

export declare function temporaryName(path: string): string
