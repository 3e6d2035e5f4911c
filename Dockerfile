# The image holds the program, the certificate authorities it trusts and an empty state folder; nothing else, not even a shell.
#
#   docker build --build-arg VERSION=0.1.0 -t sunwire .
#   docker run --network host -v ./config:/config -v sunwire:/var/lib/sunwire --device /dev/ttyUSB0 --group-add dialout sunwire
#
# The program runs as user 1000: a device is reached by the group that owns it on the host (often dialout for serial ports, i2c for
# sensors; where the container does not know the name, give the number).

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG TARGETOS TARGETARCH TARGETVARIANT
# timetzdata: the time zones are in the program, so that TZ=Europe/Berlin works without a zoneinfo folder.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=$VERSION" -o /out/sunwire ./cmd/sunwire
RUN mkdir -p /out/var/lib/sunwire /out/config /out/tmp \
 && chown -R 1000:1000 /out/var/lib/sunwire /out/tmp \
 && mkdir -p /out/etc/ssl/certs && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/

FROM scratch
COPY --from=build /out/ /
USER 1000:1000
VOLUME /var/lib/sunwire
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s CMD ["/sunwire", "healthcheck", "-c", "/config/sunwire.yaml"]
ENTRYPOINT ["/sunwire"]
CMD ["run", "-c", "/config/sunwire.yaml"]
