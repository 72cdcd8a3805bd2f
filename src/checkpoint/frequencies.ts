/** Random Fourier features, which some networks are told the noise by: a parameter that is drawn once and not trained. */
const FREQUENCIES = /^(all_modules\.0\.W|map_noise\.freqs|timestep_embed\.weight)$/

export const isFrequencies = (name: string): boolean => FREQUENCIES.test(name)
