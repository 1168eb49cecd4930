// The shop of the soak test; it is told by its environment where everything is.
const { defineConfig } = require("@medusajs/framework/utils");

const { DATABASE_URL, MILLPOND_HOST, MILLPOND_KEY } = process.env;

module.exports = defineConfig({
  projectConfig: {
    databaseUrl: DATABASE_URL,
    http: { storeCors: "*", adminCors: "*", authCors: "*", jwtSecret: "j", cookieSecret: "c" },
  },
  admin: { disable: true },
  modules: [
    {
      resolve: "@medusajs/medusa/analytics",
      options: {
        providers: [
          {
            resolve: "millpond-medusa",
            id: "millpond",
            options: { host: MILLPOND_HOST, site: "shop", secretKey: MILLPOND_KEY },
          },
        ],
      },
    },
  ],
});
