/** Lets tests import each other's TypeScript as "./x.js", as TypeScript itself wants it written. */
module.exports = (request, options) => {
  try {
    return options.defaultResolver(request, options);
  } catch (error) {
    if (!request.startsWith(".") || !request.endsWith(".js")) throw error;
    return options.defaultResolver(`${request.slice(0, -".js".length)}.ts`, options);
  }
};
