/** The library, loaded where it is called: it takes several times as long as all that a help or a mistake needs. */
export const library = () => import('../index.js')
