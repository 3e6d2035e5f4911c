# The image holds the program, the certificate authorities it trusts, the names of its user and groups, and an empty state folder;
# nothing else, not even a shell.
#
#   docker build --build-arg VERSION=0.1.0 -t sunwire .
#   docker run -v ./config:/config -v sunwire:/var/lib/sunwire --device /dev/ttyUSB0 sunwire
#
# The program runs as user 1000. A device is reached by the group that owns it on the host, and to the kernel a group is a number:
# dialout (20, serial ports) and plugdev (46, USB by this project's udev rule) are the same on every Debian and Raspberry Pi OS, and the
# user is in both. The number of i2c differs from host to host, and on other systems so do the first two; such a group is added by
#
#   --group-add "$(getent group i2c | cut -d: -f3)"

# BuildKit knows it here without a word, buildah only when it is named; a bare ARG would empty it for the one, this keeps it for both.
ARG TARGETARCH=$TARGETARCH

FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG TARGETOS TARGETARCH TARGETVARIANT
# timetzdata: the time zones are in the program, so that TZ=Europe/Berlin works without a zoneinfo folder. The rest is the Makefile's.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -tags timetzdata,nethttpomithttp2 \
    -gcflags=all=-l -gcflags=sunwire/...= -gcflags=runtime/...= -gcflags=internal/...= -gcflags=sync/...= \
    -ldflags "-s -w -X main.version=$VERSION" -o /out/sunwire ./cmd/sunwire
RUN mkdir -p /out/var/lib/sunwire /out/config /out/tmp /out/etc/ssl/certs \
 && chown 1000:1000 /out/var/lib/sunwire /out/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && printf '%s\n' root:x:0:0::/: sunwire:x:1000:1000::/var/lib/sunwire: >/out/etc/passwd \
 && printf '%s\n' root:x:0: sunwire:x:1000: dialout:x:20:sunwire plugdev:x:46:sunwire >/out/etc/group

# What Home Assistant calls the processor.
FROM scratch AS on-amd64
LABEL io.hass.arch=amd64
FROM scratch AS on-arm64
LABEL io.hass.arch=aarch64
FROM scratch AS on-arm
LABEL io.hass.arch=armv7

FROM on-$TARGETARCH AS image
COPY --from=build /out/ /
# Without a group: naming one would take away those that /etc/group gives.
USER 1000
VOLUME /var/lib/sunwire
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s CMD ["/sunwire", "healthcheck", "-c", "/config/sunwire.yaml"]
ENTRYPOINT ["/sunwire"]
CMD ["run", "-c", "/config/sunwire.yaml"]
ARG VERSION=dev REVISION="" CREATED=""
LABEL io.hass.type=app \
      io.hass.version=$VERSION \
      org.opencontainers.image.title=sunwire \
      org.opencontainers.image.description="Reads solar inverters, batteries and house sensors and publishes them over MQTT to Home Assistant" \
      org.opencontainers.image.source=https://github.com/sunwire/sunwire \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED

# Home Assistant's add-on: the Supervisor gives it folders that only root may write to, and device nodes that belong to root; its rights are
# what addon/apparmor.txt leaves, without a single capability. docker build --target addon
FROM image AS addon
USER 0

# Without a target: for everybody else.
FROM image
