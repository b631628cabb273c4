// Starts Swagger UI over the document beside this page.
"use strict";

// What was authorized is kept in the browser's storage. Passwords and refresh tokens have no business there.
const forgetSecrets = {
  statePlugins: {
    auth: {
      wrapActions: {
        authorizeOauth2WithPersistOption: (authorize) => ({ auth, token }) => {
          const { password, clientSecret, ...kept } = auth;
          const { refresh_token, ...access } = token;
          return authorize({ auth: kept, token: access });
        },
      },
    },
  },
};

window.ui = SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
  plugins: [forgetSecrets],
});
